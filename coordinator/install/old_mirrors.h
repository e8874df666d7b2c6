// What agents wrote for an earlier installation's --mirror.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/install/borrow.h"
#include "coordinator/install/manifests.h"

namespace lighter {

// Agents that have no folder to write mirrors to any more, or another one, cannot clean up the old
// one: those that run now on the nodes of `grouping` do. `say` gets a line for people for each.
// Errors: Kubectl's, of listing the pods alone.
absl::Status RemoveOldMirrors(const Kubectl& kubectl, const Grouping& grouping,
                              const MirrorSettings& mirrors,
                              const std::function<void(const std::string&)>& say);

}  // namespace lighter
