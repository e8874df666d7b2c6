#include <cstdio>

#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {

int ReportError(const absl::Status& status) {
  std::fprintf(stderr, "error: %s\nNothing was changed on any node and in no release.\n",
               Message(status).c_str());
  return StopRequested() ? kExitStopped + FirstStopSignal() : kExitFailed;
}

}  // namespace lighter
