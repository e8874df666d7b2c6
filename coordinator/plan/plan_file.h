// The file of a plan that is approved now and carried out later: `lighter plan --out`, then
// `lighter load --plan` and `lighter upgrade --plan`.
//
// It holds what was asked for and the facts that the plan rested on (plan_facts.h). Whoever carries
// it out makes the plan anew from the same question, and is refused where a fact is another.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/plan/plan.h"

namespace lighter {

// Writes the question of `options`, with absolute paths, and the facts of the plan that `maker`
// made of it. Mode 0600: --set values may be secret. UsageError where the question cannot be asked
// again
// (-f -, -f of a URL).
absl::Status WritePlanFile(const std::string& path, const PlanOptions& options,
                           const PlanMaker& maker, const Plan& plan);

// Puts the question and the facts of the file into `options`; what else these hold stays, and so
// does a package path that is set. UsageError where this is no such file.
absl::Status ReadPlanFile(const std::string& path, PlanOptions& options);

}  // namespace lighter
