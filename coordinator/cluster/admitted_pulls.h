// What admission makes of how often pods pull.
#pragma once

#include <string>

#include "coordinator/cluster/kubectl.h"

namespace lighter {

// Whether pods of this namespace pull their images at each start whatever they say themselves: the
// API server's plugin AlwaysPullImages, or a webhook. A pod is admitted by a server-side dry run,
// and not created. False where that cannot be asked; where the namespace is not there yet, that of
// "default" is.
bool AdmissionMakesPodsPull(const Kubectl& kubectl, const std::string& ns);

// Of the admitted pod, which asked for IfNotPresent.
bool PullsAlways(const std::string& pod_json);

}  // namespace lighter
