// What `lighter agent install` and `uninstall` print.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/install/install.h"
#include "coordinator/install/uninstall.h"

namespace lighter {

std::string DescribeInstall(const InstallReport& report);
nlohmann::ordered_json InstallToJson(const InstallReport& report);

std::string DescribeUninstallPlan(const UninstallPlan& plan);
nlohmann::ordered_json UninstallPlanToJson(const UninstallPlan& plan);

// `purged`: images were told of already.
std::string DescribeUninstall(const UninstallReport& report, bool purged = false);
nlohmann::ordered_json UninstallToJson(const UninstallReport& report);

}  // namespace lighter
