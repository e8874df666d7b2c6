// Taking the agents away again: the cluster's objects as they were, nothing left on the nodes but
// images.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct UninstallReport {
  std::vector<std::string> cleaned;  // nodes whose agent removed its key and certificate
  // Nodes where that was not possible, with the cause and what is left there.
  std::vector<std::pair<std::string, std::string>> left;
  std::string namespace_kept;  // why the namespace stays; empty where it went, too
  bool finished = true;        // false: something is still being deleted, as pods of dead nodes are
};

// What Uninstall would take away; nothing is changed.
struct UninstallPlan {
  std::vector<std::string> nodes;    // with an agent's pod
  std::vector<std::string> objects;  // "secret/lighter-member"; without pods
  bool finds_namespace = false;
  std::string namespace_kept;  // why it would stay; empty where it would go, too
};
absl::StatusOr<UninstallPlan> PlanUninstall(const Kubectl& kubectl);

// Idempotent. Errors are Kubectl's. `say` gets a line for people now and then.
absl::StatusOr<UninstallReport> Uninstall(const Kubectl& kubectl,
                                          const std::function<void(const std::string&)>& say);

}  // namespace lighter
