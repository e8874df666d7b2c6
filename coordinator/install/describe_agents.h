// What `lighter agent status` prints.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "coordinator/install/status.h"

namespace lighter {

// A table with a line a node, and under a node what is wrong there, or being done, with the remedy.
std::string DescribeAgents(const AgentsReport& report, absl::Time now = absl::Now());
// Everything that the agents said.
nlohmann::ordered_json AgentsToJson(const AgentsReport& report);

}  // namespace lighter
