// Applying a chart's CRDs right before Helm upgrades its release.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/plan/release_plan.h"
#include "coordinator/run/release_report.h"

namespace lighter {

// Writes into `report` which they are, also where this fails: some may be applied then. Those that
// were there before are kept, as they were, in `folder`. `say` gets one line. Errors are Kubectl's.
absl::Status ApplyCrdsOf(const PlannedBundle& planned, const Kubectl& kubectl,
                         const std::string& folder,
                         const std::function<void(const std::string&)>& say, ReleaseReport& report);

}  // namespace lighter
