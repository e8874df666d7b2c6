// Flags that choose the chart, the order of the releases, and what an upgrade may do beyond Helm.
#pragma once

#include "coordinator/cli/options.h"

namespace lighter {

// --version, --chart and its flags, --order, --allow-unproven.
void AddReleaseChoiceFlags(CLI::App& command, CommonFlags& flags);
// --crds. Of what leads to Helm.
void AddUpgradeChoiceFlags(CLI::App& command, CommonFlags& flags);

// UsageError where --allow-unproven cannot be read.
absl::Status ApplyReleaseChoice(const CommonFlags& flags, PlanOptions& options);

}  // namespace lighter
