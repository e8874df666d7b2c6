// What an installation needs before the first of the agents' own objects: rights, a namespace, the
// authority, the choice of nodes.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/pki.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/install/install.h"
#include "coordinator/install/site.h"

namespace lighter {

struct PreparedCluster {
  Authority authority;
  Site site;
  // Keys of the taints that agents lifted before, where an earlier --lift-taint has left objects
  // that this installation is to remove.
  std::optional<std::set<std::string>> unlift;
};

// Nothing is changed before the cluster was found fit. Waits until `deadline` for a namespace that
// is being deleted. Errors as Install; Cancelled after a stop signal.
absl::StatusOr<PreparedCluster> PrepareCluster(const InstallOptions& options,
                                               const Kubectl& kubectl, absl::Time deadline,
                                               const std::function<void(const std::string&)>& say);

}  // namespace lighter
