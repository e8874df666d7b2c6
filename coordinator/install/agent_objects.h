// The agents' objects in the cluster: which are there, making and deleting them.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// Errors of all of these are Kubectl's.

// Names of our objects of a kind that are in the cluster.
absl::StatusOr<std::set<std::string>> PresentObjects(const Kubectl& kubectl,
                                                     const std::string& kind);

// Our DaemonSets that are in the cluster, whole.
absl::StatusOr<nlohmann::json> PresentDaemonSets(const Kubectl& kubectl);

// Names of the ConfigMaps that our DaemonSets mount, whichever version made them.
absl::StatusOr<std::set<std::string>> MountedConfigMaps(const Kubectl& kubectl);

absl::Status ApplyObjects(const Kubectl& kubectl, std::vector<nlohmann::json> objects);

// Begins to delete objects of our namespace; does not wait until they are gone.
absl::Status DeleteObjects(const Kubectl& kubectl, const std::string& kind,
                           const std::set<std::string>& names);

// Whether the agents' namespace is there, and whether lighter made it.
struct NamespaceState {
  bool exists = false;
  bool ours = false;
  bool going = false;  // it is being deleted
};
absl::StatusOr<NamespaceState> FindNamespace(const Kubectl& kubectl);

}  // namespace lighter
