// What the user may do in the cluster, asked before anything is tried.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// As in `kubectl auth can-i VERB RESOURCE.GROUP --subresource SUBRESOURCE -n NS`.
struct Right {
  std::string verb;
  std::string resource;
  std::string group;        // "" is the core group
  std::string subresource;  // empty: none
  std::string ns;           // empty: the whole cluster
};

// Asks for all of them at once. PermissionDenied names every one that is missing; else Kubectl's
// errors.
absl::Status CheckRights(const Kubectl& kubectl, const std::vector<Right>& rights);

}  // namespace lighter
