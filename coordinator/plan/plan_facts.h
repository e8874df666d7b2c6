// What a plan rests on: the facts that must still be so when it is carried out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lighter {

struct Plan;

// What each fact says, by its subject: {"release web (namespace harbor)": "revision 3, deployed"}.
// In words, because a person reads what is different.
using PlanFacts = std::map<std::string, std::string>;

// The facts of `plan` in the cluster of that ID: the contents of its bundles, releases, values,
// names with their images, which nodes take part and which of them an image goes to. What nodes
// have and lack is none of them: a load changes it. Errors are those of reading the package.
absl::StatusOr<PlanFacts> TakeFacts(const Plan& plan, const std::string& cluster_id);

// FailedPrecondition, with a line for each fact that is another now; `what` names the plan.
absl::Status CheckFacts(const PlanFacts& then, const PlanFacts& now, const std::string& what);

}  // namespace lighter
