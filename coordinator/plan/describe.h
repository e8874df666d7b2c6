// Plans in words and in JSON; packages: see describe_package.h.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/plan/plan.h"

namespace lighter {

// "apiVersion" of every JSON document that lighter prints; fields are only ever added.
inline constexpr char kJsonApiVersion[] = "lighter/v1";

// For stdout and files: indented, in ASCII, with a final newline. Bytes that are not UTF-8 are
// replaced.
std::string JsonText(const nlohmann::ordered_json& json);

// [{"name", "cause"}] of the nodes that take no part.
nlohmann::ordered_json LeftOutToJson(const NodeSelection& nodes);

// [{"bundle", "cause"}] of the bundles that take no part.
nlohmann::ordered_json SkippedToJson(const Plan& plan);

// [{"chart", "release", "namespace", "values"}] where values put images under another registry:
// what a first `helm install` of that chart needs, too.
nlohmann::ordered_json RelocatedToJson(const Plan& plan);
nlohmann::ordered_json StartProblemsToJson(const Plan& plan);

std::string DescribePlan(const Plan& plan);
nlohmann::ordered_json PlanToJson(const Plan& plan);

// "Left out: node4 (the node is not Ready)", a line; empty where every node takes part.
std::string DescribeLeftOut(const NodeSelection& nodes);

// "quayside (namespace harbor): 0.1.0 -> 0.2.0".
std::string DescribeRelease(const Plan& plan, const PlannedBundle& planned);

// "0.1.0 -> 0.2.0"; "new, 0.2.0" where nothing is installed yet.
std::string VersionStep(const std::string& from, const std::string& to);

}  // namespace lighter
