// The way out of what the cluster says about an agent's pod that does not come to run.
#pragma once

#include <string>

namespace lighter {

// `words` of a pod's status, an event or an error: the scheduler's, the kubelet's, the runtime's or
// admission's own. The way out follows them where we know one.
std::string WithWayOut(const std::string& words);

}  // namespace lighter
