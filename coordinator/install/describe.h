// What `lighter agent install` and `uninstall` print.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/install/install.h"
#include "coordinator/install/uninstall.h"

namespace lighter {

std::string DescribeInstall(const InstallReport& report);
nlohmann::ordered_json InstallToJson(const InstallReport& report);

std::string DescribeUninstall(const UninstallReport& report);
nlohmann::ordered_json UninstallToJson(const UninstallReport& report);

}  // namespace lighter
