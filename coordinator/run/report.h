// What a run did, in words for the screen and as JSON for the run folder and -o json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"
#include "coordinator/run/upgrade_run.h"

namespace lighter {

struct RunTimes {
  absl::Duration total;
  absl::Duration children;  // spent waiting for helm and kubectl
};

// "lighter's own time 0.4 s, helm and kubectl 3.1 s".
std::string DescribeTimes(const RunTimes& times);

// A failure answers in this order: state of production, which node or pod, why, the next command,
// where the evidence is.
std::string DescribeLoad(const Plan& plan, const LoadReport& report);
std::string DescribeUpgrade(const Plan& plan, const UpgradeReport& report, const RunFolder& folder);

// A line for each thing about the desired list that went another way than it should; for stderr.
std::string DescribeDesired(const DesiredReport& report);

// `blocked`: why nothing was moved; OK when it was.
nlohmann::ordered_json LoadToJson(const Plan& plan, const absl::Status& blocked,
                                  const LoadReport& report, const RunTimes& times);
nlohmann::ordered_json UpgradeToJson(const Plan& plan, const UpgradeReport& report,
                                     const RunFolder& folder, const RunTimes& times);

}  // namespace lighter
