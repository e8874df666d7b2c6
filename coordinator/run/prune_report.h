// What `lighter prune` prints.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/run/prune_run.h"

namespace lighter {

std::string DescribePrune(const PruneReport& report);
nlohmann::ordered_json PruneToJson(const PruneReport& report);

}  // namespace lighter
