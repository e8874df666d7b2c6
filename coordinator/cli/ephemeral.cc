#include "coordinator/cli/ephemeral.h"

#include "common/status.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/output.h"
#include "coordinator/install/describe.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {

CLI::Option* AddEphemeralFlag(CLI::App& command, bool& ephemeral) {
  CLI::Option* flag = command.add_flag(
      "--ephemeral", ephemeral,
      "Afterwards, also when it failed, take the agents away as `lighter agent "
      "uninstall` does: images stay, and nothing holds or pins them; after Ctrl-C agents stay");
  return flag->excludes("--tls-dir");
}

int RemoveAgentsAfterRun(const CommonFlags& flags, int exit_code) {
  if (StopRequested()) {
    PrintText(stderr,
              "The agents stay, for the same command to continue; `lighter agent uninstall` takes "
              "them away.\n");
    return exit_code;
  }
  const absl::StatusOr<UninstallReport> report =
      Uninstall(Kubectl(ToKubectlOptions(flags)),
                [](const std::string& line) { PrintText(stderr, line + "\n"); });
  const int left = exit_code == kExitOk ? kExitPartial : exit_code;
  if (!report.ok()) {
    PrintText(stderr, "warning: the agents could not be taken away: " + Message(report.status()) +
                          "; `lighter agent uninstall` tries again\n");
    return left;
  }
  PrintText(stderr, DescribeUninstall(*report));
  return report->left.empty() && report->finished ? exit_code : left;
}

}  // namespace lighter
