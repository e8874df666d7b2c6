// What `lighter rollback` prints and keeps.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/run/report.h"
#include "coordinator/run/rollback_run.h"

namespace lighter {

// What would be done: the step, and whether the revision is proven.
std::string DescribeRollbackPlan(const RollbackPlan& plan);
nlohmann::ordered_json RollbackPlanToJson(const RollbackPlan& plan);

// The state of production first.
std::string DescribeRollback(const RollbackPlan& plan, const RollbackReport& report,
                             const RunFolder& folder);
nlohmann::ordered_json RollbackToJson(const RollbackPlan& plan, const RollbackReport& report,
                                      const RunFolder& folder, const RunTimes& times);

}  // namespace lighter
