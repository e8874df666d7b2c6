// What `lighter agent` prints.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "coordinator/install/install.h"
#include "coordinator/install/status.h"
#include "coordinator/install/uninstall.h"

namespace lighter {

std::string DescribeInstall(const InstallReport& report);
nlohmann::ordered_json InstallToJson(const InstallReport& report);

std::string DescribeAgents(const std::vector<AgentState>& states);
nlohmann::ordered_json AgentsToJson(const std::vector<AgentState>& states);

std::string DescribeUninstall(const UninstallReport& report);
nlohmann::ordered_json UninstallToJson(const UninstallReport& report);

}  // namespace lighter
