#include <cstdio>
#include <memory>

#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/describe.h"

namespace lighter {
namespace {

absl::StatusOr<int> RunPlan(const CommonFlags& flags) {
  ASSIGN_OR_RETURN(const RunFolder folder, RunFolder::Temporary());
  PlanMaker maker(ToPlanOptions(flags), folder);
  ASSIGN_OR_RETURN(const Plan plan, maker.Make());
  if (flags.format() == OutputFormat::kJson) {
    std::fputs(JsonText(PlanToJson(plan)).c_str(), stdout);
  } else {
    PrintText(stdout, DescribePlan(plan));
  }
  return PlanExitCode(plan);
}

}  // namespace

void AddPlanCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "plan",
      "Show what an upgrade would do: releases, names, what each node lacks; changes nothing but "
      "the certificate of an agent that waits for one");
  command->footer(
      "Examples:\n"
      "  lighter plan platform_v1.2.tar\n"
      "  lighter plan platform_v1.2.tar hydra -n hydra-system --set "
      "global.imageRegistry=10.16.10.111\n"
      "  lighter plan platform_v1.2.tar -o json\n");
  auto flags = std::make_shared<CommonFlags>();
  AddPackageArgument(*command, *flags);
  AddClusterFlags(*command, *flags);
  AddInstallFlag(*command, *flags);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunPlan(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
