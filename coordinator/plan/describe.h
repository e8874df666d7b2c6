// Packages and plans in words and in JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/package/package.h"
#include "coordinator/plan/plan.h"

namespace lighter {

// "apiVersion" of every JSON document that lighter prints; fields are only ever added.
inline constexpr char kJsonApiVersion[] = "lighter/v1";

std::string DescribePackage(const Package& package);
nlohmann::ordered_json PackageToJson(const Package& package);

std::string DescribePlan(const Plan& plan);
nlohmann::ordered_json PlanToJson(const Plan& plan);

// "quayside (namespace harbor): 0.1.0 -> 0.2.0".
std::string DescribeRelease(const Plan& plan, const PlannedBundle& planned);

}  // namespace lighter
