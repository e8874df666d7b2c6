#include <cstdio>
#include <memory>

#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/describe.h"

namespace lighter {

void AddInspectCommand(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show what is in a package; reads nothing else");
  command->footer(
      "Examples:\n"
      "  lighter inspect platform_v1.2.tar\n"
      "  lighter inspect platform_v1.2.tar -o json | jq '.bundles[].images[].names'\n");
  auto flags = std::make_shared<CommonFlags>();
  AddPackageArgument(*command, *flags);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<Package> package = OpenPackage(flags->package);
    if (!package.ok()) {
      exit_code = ReportError(package.status());
      return;
    }
    if (flags->format() == OutputFormat::kJson) {
      std::fputs(JsonText(PackageToJson(*package)).c_str(), stdout);
    } else {
      PrintText(stdout, DescribePackage(*package));
    }
  });
}

}  // namespace lighter
