#include <cstdio>
#include <memory>

#include "absl/time/clock.h"
#include "common/file.h"
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
#include "coordinator/run/recover_run.h"
#include "coordinator/run/report.h"

namespace lighter {
namespace {

struct UpgradeFlags : CommonFlags {
  bool dry_run = false;
  bool ephemeral = false;
  bool no_wait = false;
  bool recover = false;
  bool rollback_on_failure = false;
  std::string timeout = "5m";
};

// `changed`: what was, in sentences, where this fails.
absl::StatusOr<int> RunUpgradeCommand(const UpgradeFlags& flags, std::string& changed) {
  const absl::Time start = absl::Now();
  const bool json = flags.format() == OutputFormat::kJson;
  UpgradeRunOptions options;
  ASSIGN_OR_RETURN(options.progress, ParseProgressMode(flags.progress));
  options.wait = !flags.no_wait;
  options.rollback_on_failure = flags.rollback_on_failure;
  options.publish = !flags.ephemeral;
  absl::ParseDuration(flags.timeout, &options.timeout);
  ASSIGN_OR_RETURN(const RunFolder folder,
                   flags.dry_run ? RunFolder::Temporary() : RunFolder::Keep("upgrade"));
  ASSIGN_OR_RETURN(PlanOptions plan_options, ToPlanOptions(flags));
  plan_options.publishes = options.publish;
  plan_options.needs_agents = !flags.dry_run;
  const auto say = [](const std::string& line) { PrintText(stderr, line + "\n"); };
  CommandLock lock(plan_options.kubectl, "lighter upgrade", folder.id(), say);
  options.lock = &lock.lock();
  if (flags.recover) {
    const RollbackRunOptions rollback = {.timeout = options.timeout,
                                         .wait = options.wait,
                                         .publish = options.publish,
                                         .lock = options.lock};
    RETURN_IF_ERROR(RecoverPending(plan_options, rollback, folder, say, changed));
  }
  PlanMaker maker(std::move(plan_options), folder);
  ASSIGN_OR_RETURN(Plan plan, maker.Make());
  const std::string plan_json = JsonText(PlanToJson(plan));
  if (flags.dry_run) {
    if (json) {
      std::fputs(plan_json.c_str(), stdout);
    } else {
      PrintText(stdout, DescribePlan(plan));
    }
    return PlanExitCode(plan);
  }
  RETURN_IF_ERROR(WriteFileAtomic(folder.path() + "/plan.json", plan_json, 0600));
  if (!json) PrintText(stderr, DescribePlan(plan) + "\n");
  RETURN_IF_ERROR(options.lock->Take(LocksOf(plan, maker.authority())));

  UpgradeReport report = RunUpgrade(maker, plan, folder, options, say);
  report.recovered = changed;
  const RunTimes times = {.total = absl::Now() - start, .children = ChildTime()};
  const std::string report_json = JsonText(UpgradeToJson(plan, report, folder, times));
  KeepAndPrintReport(folder.path(), report_json,
                     DescribeUpgrade(plan, report, folder) + DescribeTimes(times) + "\n", json);
  const int exit_code = UpgradeExitCode(report);
  if (!flags.ephemeral || maker.authority() == nullptr) return exit_code;
  return RemoveAgentsAfterRun(flags, exit_code);
}

}  // namespace

void AddUpgradeCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "upgrade", "Back up the values, load, prove, and only then run helm upgrade");
  command->footer(
      "Helm runs only when every image is proven on every node. Values are what the release has "
      "now,\n"
      "then your -f and --set.\n"
      "\n"
      "Examples:\n"
      "  lighter upgrade platform_v1.2.tar\n"
      "  lighter upgrade platform_v1.2.tar hydra -n hydra-system --set "
      "global.imageRegistry=10.16.10.111\n"
      "  lighter upgrade platform_v1.2.tar --install -n hydra-system    # the first time\n"
      "  lighter upgrade platform_v1.2.tar --dry-run\n"
      "  lighter upgrade --plan approved.json    # what `lighter plan --out` wrote\n");
  auto flags = std::make_shared<UpgradeFlags>();
  AddPackageArgument(*command, *flags);
  AddClusterFlags(*command, *flags);
  AddPlaceFlag(*command, *flags);
  AddInstallFlag(*command, *flags);
  AddReleaseChoiceFlags(*command, *flags);
  AddUpgradeChoiceFlags(*command, *flags);
  AddPlanFileFlag(*command, *flags);
  command->add_flag("--dry-run", flags->dry_run,
                    "Show the plan and stop; the same as `lighter plan`");
  AddWaitFlags(*command, flags->timeout, flags->no_wait);
  command
      ->add_flag("--recover", flags->recover,
                 "First roll back a release that a Helm run left pending. Be sure that none is "
                 "still at work on it")
      ->excludes("--plan", "--dry-run");
  command->add_flag("--rollback-on-failure,--atomic", flags->rollback_on_failure,
                    "Where Helm fails: save events and logs, then put the release back as it was");
  AddSkipChecksumFlag(*command, *flags);
  AddEphemeralFlag(*command, flags->ephemeral);
  AddProgressFlag(*command, *flags);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    std::string changed;
    const absl::StatusOr<int> code = RunUpgradeCommand(*flags, changed);
    exit_code = code.ok() ? *code : ReportError(code.status(), changed);
  });
}

}  // namespace lighter
