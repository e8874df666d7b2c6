#include <algorithm>
#include <cstdio>

#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {

int LoadExitCode(const LoadReport& report) {
  if (report.AllProven()) return kExitOk;
  if (StopRequested()) return kExitStopped + FirstStopSignal();
  const bool any_proven = std::any_of(report.nodes.begin(), report.nodes.end(),
                                      [](const NodeReport& node) { return node.status.ok(); });
  return report.package.ok() && any_proven ? kExitPartial : kExitFailed;
}

int ReportError(const absl::Status& status) {
  std::fprintf(stderr, "Nothing was changed on any node and in no release.\nerror: %s\n",
               Message(status).c_str());
  return StopRequested() ? kExitStopped + FirstStopSignal() : kExitFailed;
}

}  // namespace lighter
