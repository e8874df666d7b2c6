// What the cluster's admission would make of the agents' pods.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// Has the API server admit a pod of `daemon_set` without creating it (server-side dry run; the
// namespace must exist). FailedPrecondition, with the exemption to ask for, where the pod would be
// refused, or changed so that its node would pull.
absl::Status CheckAdmission(const Kubectl& kubectl, const nlohmann::json& daemon_set);

}  // namespace lighter
