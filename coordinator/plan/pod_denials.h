// Pods of a plan that the cluster's admission would deny: their controllers could not make them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "coordinator/plan/plan.h"

namespace lighter {

// Moves what `allowed` names ("Deployment/web") from the denials to the notes. InvalidArgument
// (UsageError) where one of them is not denied: a slip would go unnoticed.
absl::Status AllowDenied(const std::vector<std::string>& allowed, Plan& plan);

// A line for each: "blocks the upgrade: E-POD-DENIED: ...".
std::string DescribePodDenials(const Plan& plan);
// [{"code", "release", "namespace", "workload", "cause"}].
nlohmann::ordered_json PodDenialsToJson(const Plan& plan);

// FailedPrecondition, with all of them, where pods would not be admitted.
absl::Status CheckPodsAdmitted(const Plan& plan);

}  // namespace lighter
