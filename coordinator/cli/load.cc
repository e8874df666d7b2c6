#include <cstdio>
#include <memory>

#include "absl/time/clock.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/ephemeral.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/cli/release_options.h"
#include "coordinator/plan/describe.h"
#include "coordinator/process/process.h"
#include "coordinator/run/command_lock.h"
#include "coordinator/run/publish_load.h"
#include "coordinator/run/report.h"

namespace lighter {
namespace {

struct LoadFlags : CommonFlags {
  bool local = false;
  bool ephemeral = false;
  std::string containerd_socket = "/run/containerd/containerd.sock";
};

absl::StatusOr<int> RunLoadCommand(const LoadFlags& flags) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const ProgressMode progress, ParseProgressMode(flags.progress));
  ASSIGN_OR_RETURN(const RunFolder folder, RunFolder::Temporary());
  ASSIGN_OR_RETURN(PlanOptions options, ToPlanOptions(flags));
  options.query.without_release = !options.approved.has_value();
  options.query.with_cluster = !flags.local;
  options.local = flags.local;
  options.containerd_socket = flags.containerd_socket;
  options.publishes = !flags.ephemeral;
  CommandLock lock(options.kubectl, "lighter load", folder.id(),
                   [](const std::string& line) { PrintText(stderr, line + "\n"); });
  PlanMaker maker(std::move(options), folder);
  ASSIGN_OR_RETURN(const Plan plan, maker.Make());
  const bool json = flags.format() == OutputFormat::kJson;
  if (!json) PrintText(stderr, DescribePlan(plan) + "\n");
  const absl::Status blocked = CheckLoad(plan);
  LoadReport report;
  if (blocked.ok() && !flags.local) {
    RETURN_IF_ERROR(lock.lock().Take(LocksOf(plan, maker.authority())));
  }
  if (blocked.ok()) report = LoadNodes(plan, ChecksumVerifier(plan.checksums), progress);
  AllowUnproven(plan, report);
  // What nobody will be there to hold needs no list.
  if (blocked.ok() && report.Suffices() && !flags.ephemeral) {
    report.desired = PublishLoad(maker, plan);
    PrintText(stderr, DescribeDesired(report.desired));
  }
  const RunTimes times = {.total = absl::Now() - start, .children = ChildTime()};
  if (json) {
    std::fputs(JsonText(LoadToJson(plan, blocked, report, times)).c_str(), stdout);
  } else if (blocked.ok()) {
    PrintText(stdout, DescribeLoad(plan, report) + DescribeTimes(times) + "\n");
  }
  int exit_code = blocked.ok() ? LoadExitCode(report) : ReportError(blocked);
  if (flags.ephemeral && maker.authority() != nullptr) {
    exit_code = RemoveAgentsAfterRun(flags, exit_code);
  }
  return exit_code;
}

}  // namespace

void AddLoadCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "load", "Put the package's images onto the nodes and prove them; no Helm upgrade");
  command->footer(
      "A bundle whose chart has a release gets the names that this release's values and the given "
      "ones\n"
      "lead to. One whose chart has no release in the whole cluster is loaded under the names that "
      "the\n"
      "given values lead to: that is how to prepare a first `helm install`.\n"
      "With RELEASE only the bundle of that release is loaded. With -n alone it is the bundles of "
      "that\n"
      "namespace's releases, and those whose chart has no release anywhere.\n"
      "\n"
      "Examples:\n"
      "  lighter load platform_v1.2.tar --set global.imageRegistry=10.16.10.111\n"
      "  lighter load platform_v1.2.tar hydra -n hydra-system\n"
      "  lighter load images.tar                       # images alone, under their own names\n"
      "  lighter load --plan approved.json             # what `lighter plan --out` wrote\n"
      "  lighter load --local platform_v1.2.tar        # this machine's containerd, no "
      "Kubernetes\n");
  auto flags = std::make_shared<LoadFlags>();
  AddPackageArgument(*command, *flags);
  AddClusterFlags(*command, *flags);
  AddReleaseChoiceFlags(*command, *flags);
  AddPlaceFlag(*command, *flags);
  AddPlanFileFlag(*command, *flags);
  CLI::Option* const local =
      command
          ->add_flag("--local", flags->local,
                     "Load into this machine's containerd, without any agent")
          ->excludes("RELEASE", "--namespace", "--plan", "--place");
  command->add_option("--containerd-socket", flags->containerd_socket, "With --local")
      ->capture_default_str()
      ->needs(local);
  AddSkipChecksumFlag(*command, *flags);
  AddEphemeralFlag(*command, flags->ephemeral)->excludes("--local");
  AddProgressFlag(*command, *flags);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunLoadCommand(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
