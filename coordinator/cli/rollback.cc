#include <cstdio>
#include <memory>

#include "absl/time/clock.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/describe.h"
#include "coordinator/process/process.h"
#include "coordinator/run/command_lock.h"
#include "coordinator/run/rollback_report.h"

namespace lighter {
namespace {

struct RollbackFlags : CommonFlags {
  int revision = 0;
  bool dry_run = false;
  bool no_wait = false;
  std::string timeout = "5m";
};

absl::StatusOr<int> RunRollbackCommand(const RollbackFlags& flags) {
  const absl::Time start = absl::Now();
  const bool json = flags.format() == OutputFormat::kJson;
  RollbackRunOptions options = {.wait = !flags.no_wait};
  absl::ParseDuration(flags.timeout, &options.timeout);
  Verifier verifier(ToVerifyOptions(flags));
  RETURN_IF_ERROR(verifier.Open());
  ASSIGN_OR_RETURN(const RollbackPlan plan, PlanRollback(verifier, flags.revision));
  if (flags.dry_run) {
    if (json) {
      std::fputs(JsonText(RollbackPlanToJson(plan)).c_str(), stdout);
    } else {
      PrintText(stdout, DescribeRollbackPlan(plan));
    }
    return VerifyExitCode(plan.verified);
  }
  if (!json) PrintText(stderr, DescribeRollbackPlan(plan) + "\n");
  ASSIGN_OR_RETURN(const RunFolder folder, RunFolder::Keep("rollback"));
  const auto say = [](const std::string& line) { PrintText(stderr, line + "\n"); };
  CommandLock lock(ToKubectlOptions(flags), "lighter rollback", folder.id(), say);
  const std::string lock_ns = LockNamespace(verifier.nodes().authority());
  RETURN_IF_ERROR(lock.lock().Take({LockOfRelease(lock_ns, plan.release.ns, plan.release.name)}));
  options.lock = &lock.lock();
  const RollbackReport report = RunRollback(verifier, plan, folder, options, say);
  const RunTimes times = {.total = absl::Now() - start, .children = ChildTime()};
  const std::string report_json = JsonText(RollbackToJson(plan, report, folder, times));
  KeepAndPrintReport(folder.path(), report_json,
                     DescribeRollback(plan, report, folder) + DescribeTimes(times) + "\n", json);
  return RollbackExitCode(plan, report);
}

}  // namespace

void AddRollbackCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "rollback",
      "Prove an older revision's images on every node, and only then run helm rollback");
  command->footer(
      "Without REVISION: the last one before the current that ran. What it needs is proven as\n"
      "`lighter verify --revision` does; where it is not, Helm is not run.\n"
      "A release that a killed Helm left in pending-upgrade is mended this way.\n"
      "\n"
      "Examples:\n"
      "  lighter rollback hydra -n hydra-system\n"
      "  lighter rollback hydra 3 -n hydra-system --dry-run\n");
  auto flags = std::make_shared<RollbackFlags>();
  command->add_option("RELEASE", flags->release, "The release to go back with")->required();
  command->add_option("REVISION", flags->revision, "The revision to go back to, by helm's number")
      ->check(CLI::PositiveNumber);
  AddReleaseFlags(*command, *flags);
  command->add_flag("--dry-run", flags->dry_run,
                    "Show which revision it would be and whether it is proven, and stop");
  AddWaitFlags(*command, flags->timeout, flags->no_wait);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunRollbackCommand(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
