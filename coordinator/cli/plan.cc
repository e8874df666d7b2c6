#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/cli/release_options.h"
#include "coordinator/plan/describe.h"
#include "coordinator/plan/plan_file.h"

namespace lighter {
namespace {

struct PlanFlags : CommonFlags {
  std::string out;
};

absl::StatusOr<int> RunPlan(const PlanFlags& flags) {
  ASSIGN_OR_RETURN(const RunFolder folder, RunFolder::Temporary());
  ASSIGN_OR_RETURN(PlanOptions options, ToPlanOptions(flags));
  options.needs_agents = false;
  PlanMaker maker(options, folder);
  ASSIGN_OR_RETURN(const Plan plan, maker.Make());
  if (!flags.out.empty()) RETURN_IF_ERROR(WritePlanFile(flags.out, options, maker, plan));
  if (flags.format() == OutputFormat::kJson) {
    std::fputs(JsonText(PlanToJson(plan)).c_str(), stdout);
  } else {
    PrintText(stdout, DescribePlan(plan));
  }
  if (!flags.out.empty()) {
    PrintText(stderr, absl::StrCat("Written to ", flags.out, ": `lighter load --plan ", flags.out,
                                   "` and `lighter upgrade --plan ", flags.out,
                                   "` do just this, or refuse where something has changed.\n"));
  }
  return PlanExitCode(plan);
}

}  // namespace

void AddPlanCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "plan",
      "Show what an upgrade would do: releases, names, what each node lacks; changes nothing but "
      "the certificate of an agent that waits for one. Works without agents, too");
  command->footer(
      "Examples:\n"
      "  lighter plan platform_v1.2.tar\n"
      "  lighter plan platform_v1.2.tar hydra -n hydra-system --set "
      "global.imageRegistry=10.16.10.111\n"
      "  lighter plan platform_v1.2.tar -o json\n"
      "  lighter plan platform_v1.2.tar --out approved.json    # then: lighter upgrade --plan "
      "approved.json\n");
  auto flags = std::make_shared<PlanFlags>();
  AddPackageArgument(*command, *flags);
  AddClusterFlags(*command, *flags);
  AddPlaceFlag(*command, *flags);
  AddInstallFlag(*command, *flags);
  AddReleaseChoiceFlags(*command, *flags);
  AddUpgradeChoiceFlags(*command, *flags);
  AddSkipChecksumFlag(*command, *flags);
  command->add_option("--out", flags->out,
                      "Write the plan to this file too, to be approved and carried out later; for "
                      "your eyes only, as "
                      "it holds the values of --set");
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunPlan(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
