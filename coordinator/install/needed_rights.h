// What `lighter agent install` and `uninstall` must be allowed to do.
#pragma once

#include <vector>

#include "coordinator/install/rights.h"

namespace lighter {

// `lifts`: with `--lift-taint`.
std::vector<Right> InstallRights(bool lifts);
std::vector<Right> UninstallRights();
// Beyond those: to take away what `--lift-taint` brought.
std::vector<Right> UnliftRights();

}  // namespace lighter
