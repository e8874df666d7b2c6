#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/install/manifests.h"
#include "coordinator/plan/describe.h"
#include "coordinator/run/command_lock.h"
#include "coordinator/run/prune_report.h"

namespace lighter {
namespace {

struct PruneFlags : CommonFlags {
  std::vector<std::string> charts;
  bool previous = false;
  bool yes = false;
};

absl::StatusOr<int> RunPruneCommand(const PruneFlags& flags) {
  PruneOptions options;
  options.kubectl = ToKubectlOptions(flags);
  options.helm = ToHelmOptions(flags);
  options.query = {.charts = {flags.charts.begin(), flags.charts.end()},
                   .previous = flags.previous};
  options.apply = flags.yes;
  // A prune keeps no folder: its process tells it from others.
  CommandLock lock(options.kubectl, "lighter prune --yes", absl::StrCat("prune-", ::getpid()),
                   [](const std::string& line) { PrintText(stderr, line + "\n"); });
  if (flags.yes) RETURN_IF_ERROR(lock.lock().Take({LockOfPrune(kAgentNamespace)}));
  ASSIGN_OR_RETURN(const PruneReport report, RunPrune(options));
  if (flags.format() == OutputFormat::kJson) {
    std::fputs(JsonText(PruneToJson(report)).c_str(), stdout);
  } else {
    PrintText(stdout, DescribePrune(report));
  }
  return report.Complete() ? kExitOk : kExitPartial;
}

}  // namespace

void AddPruneCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "prune", "Show, and with --yes remove, images that no release needs any more");
  command->footer(
      "Only what lighter loaded is ever touched, and nothing that a pod of the cluster uses now.\n"
      "What goes:\n"
      "  - images of releases that `helm list -A` does not show any more, in whatever state\n"
      "  - with --previous, images that a release used before its last upgrade: after that, no\n"
      "    `helm rollback` to a revision that needs them. They stay where the release may run "
      "them\n"
      "  - with CHART, images that were loaded for a chart that has no release of its own yet\n"
      "Without --yes nothing is changed. helm is asked as your shell would: $HELM_DRIVER counts.\n"
      "\n"
      "Examples:\n"
      "  lighter prune\n"
      "  lighter prune --yes\n"
      "  lighter prune hydra --yes       # loaded, and never to be installed\n");
  auto flags = std::make_shared<PruneFlags>();
  command->add_option("CHART", flags->charts,
                      "Also what was loaded for these charts alone, before any release");
  command->add_flag("--previous", flags->previous, "Also what releases keep for a rollback");
  command->add_flag("--yes", flags->yes, "Do it; without this it is only shown");
  AddKubectlFlags(*command, *flags);
  AddHelmFlag(*command, *flags);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunPruneCommand(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
