#include "coordinator/cli/exit_codes.h"

#include <algorithm>

#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/name_problems.h"
#include "coordinator/plan/pod_denials.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {

int LoadExitCode(const LoadReport& report) {
  if (report.Suffices() && report.desired.status.ok()) return kExitOk;
  if (StopRequested()) return kExitStopped + FirstStopSignal();
  const bool any_proven = std::any_of(report.nodes.begin(), report.nodes.end(),
                                      [](const NodeReport& node) { return node.status.ok(); });
  return report.package.ok() && any_proven ? kExitPartial : kExitFailed;
}

int UpgradeExitCode(const UpgradeReport& report) {
  if (report.Succeeded()) return report.LeftToOwners() ? kExitPartial : kExitOk;
  // Helm ran, or something else than the load was in the way.
  if (report.load.Suffices()) {
    return StopRequested() ? kExitStopped + FirstStopSignal() : kExitFailed;
  }
  return LoadExitCode(report.load);
}

int PlanExitCode(const Plan& plan) {
  const bool pods_start = CheckPodsStart(plan.start.problems, /*is_loaded=*/true).ok();
  const bool has_nodes = CheckPlaced(plan.placement).ok();
  const bool is_admitted = CheckPodsAdmitted(plan).ok();
  if (!CheckNames(plan).ok() || !pods_start || !is_admitted || !has_nodes) return kExitFailed;
  if (plan.agentless) return kExitOk;
  const auto& nodes = plan.nodes.nodes;
  const auto served = std::count_if(nodes.begin(), nodes.end(),
                                    [](const NodePlan& node) { return node.status.ok(); });
  if (served == static_cast<ptrdiff_t>(nodes.size())) return kExitOk;
  return served == 0 ? kExitFailed : kExitPartial;
}

int VerifyExitCode(const VerifyReport& report) {
  if (report.proven()) return kExitOk;
  return report.asked_nodes() == 0 ? kExitFailed : kExitPartial;
}

int RollbackExitCode(const RollbackPlan& plan, const RollbackReport& report) {
  if (report.Succeeded()) return kExitOk;
  if (StopRequested()) return kExitStopped + FirstStopSignal();
  return plan.verified.proven() ? kExitFailed : VerifyExitCode(plan.verified);
}

int ErrorExitCode(const absl::Status& status) {
  if (StopRequested()) return kExitStopped + FirstStopSignal();
  return IsUsageError(status) ? kExitUsage : kExitFailed;
}

int ReportError(const absl::Status& status, const std::string& changed) {
  const std::string state = changed.empty() ? "Nothing was changed on any node and in no release."
                                            : changed + "Nothing else was changed.";
  PrintText(stderr, state + "\nerror: " + Message(status) + "\n");
  return ErrorExitCode(status);
}

}  // namespace lighter
