// What `lighter agent install` and `uninstall` must be allowed to do.
#pragma once

#include <vector>

#include "coordinator/install/rights.h"

namespace lighter {

std::vector<Right> InstallRights();
std::vector<Right> UninstallRights();

}  // namespace lighter
