#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/describe.h"
#include "coordinator/plan/describe_package.h"
#include "coordinator/run/await_checksums.h"

namespace lighter {
namespace {

struct InspectFlags : CommonFlags {
  bool verify = false;
};

// FailedPrecondition where there is no checksum to verify.
absl::Status Verify(const Package& package, const std::vector<FileChecksum>& checksums,
                    ProgressMode progress) {
  if (!checksums.empty()) return AwaitChecksums(ChecksumVerifier(checksums), progress);
  return absl::FailedPreconditionError(
      absl::StrCat(package.path,
                   ": nothing to verify: no checksum file lies beside it, like NAME_checksum."
                   "sha512sum for NAME.tar (README.md lists the names)"));
}

absl::StatusOr<int> RunInspect(const InspectFlags& flags) {
  ASSIGN_OR_RETURN(const ProgressMode progress, ParseProgressMode(flags.progress));
  ASSIGN_OR_RETURN(const Package package, OpenPackage(flags.package));
  ASSIGN_OR_RETURN(const std::vector<FileChecksum> checksums, FindChecksums(package));
  const absl::Status verdict =
      flags.verify ? Verify(package, checksums, progress) : absl::OkStatus();
  if (flags.format() == OutputFormat::kJson) {
    nlohmann::ordered_json json = PackageToJson(package, checksums);
    if (flags.verify) json["verified"] = verdict.ok();
    std::fputs(JsonText(json).c_str(), stdout);
  } else {
    PrintText(stdout, DescribePackage(package, checksums));
    if (flags.verify && verdict.ok()) {
      PrintText(stdout, "\nVerified: the package is what " + ChecksumLists(checksums) + " says.\n");
    }
  }
  return verdict.ok() ? kExitOk : ReportError(verdict);
}

}  // namespace

void AddInspectCommand(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show what is in a package; reads nothing else");
  command->footer(
      "Examples:\n"
      "  lighter inspect platform_v1.2.tar\n"
      "  lighter inspect platform_v1.2.tar --verify    # against platform_v1.2_checksum.sha512sum\n"
      "  lighter inspect platform_v1.2.tar -o json | jq '.bundles[].images[].names'\n");
  auto flags = std::make_shared<InspectFlags>();
  AddPackageArgument(*command, *flags);
  command->add_flag("--verify", flags->verify,
                    "Read the whole package and verify the checksum file beside it");
  AddProgressFlag(*command, *flags);
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunInspect(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
