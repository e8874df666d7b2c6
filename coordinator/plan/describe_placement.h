// Where images go, in words and in JSON: what is not everywhere.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/plan/plan.h"

namespace lighter {

// A line for the images that go to the same nodes for the same causes, one for each template whose
// pods no node takes, and the notes; empty where every image goes to every node.
std::string DescribePlacement(const Plan& plan);

// {"images": [{"manifestDigest", "names", "nodes", "causes", "chosen"}],
//  "nowhere": [{"workload", "cause", "blocks"}], "notes": [...]}.
nlohmann::ordered_json PlacementToJson(const Plan& plan);

}  // namespace lighter
