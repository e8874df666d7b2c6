// What `lighter verify` prints.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/run/verify_run.h"

namespace lighter {

// A line for each release, below it what is not proven, and which pods are not ready.
std::string DescribeVerify(const VerifyReport& report);
nlohmann::ordered_json VerifyToJson(const VerifyReport& report);

// The parts that a rollback's report has as well.
nlohmann::ordered_json VerifiedReleaseToJson(const VerifiedRelease& verified);
nlohmann::ordered_json AskedNodesToJson(const NodeSelection& nodes);

}  // namespace lighter
