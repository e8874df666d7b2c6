#include <cstdio>
#include <memory>

#include "common/status.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/options.h"
#include "coordinator/cli/output.h"
#include "coordinator/plan/describe.h"
#include "coordinator/run/verify_report.h"

namespace lighter {
namespace {

struct VerifyFlags : CommonFlags {
  int revision = 0;
};

absl::StatusOr<int> RunVerify(const VerifyFlags& flags) {
  VerifyOptions options = ToVerifyOptions(flags);
  options.revision = flags.revision;
  Verifier verifier(std::move(options));
  RETURN_IF_ERROR(verifier.Open());
  ASSIGN_OR_RETURN(const VerifyReport report, verifier.Verify());
  if (flags.format() == OutputFormat::kJson) {
    std::fputs(JsonText(VerifyToJson(report)).c_str(), stdout);
  } else {
    PrintText(stdout, DescribeVerify(report));
  }
  return VerifyExitCode(report);
}

}  // namespace

void AddVerifyCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "verify", "Prove again, without the package, that the pods of releases start on every node");
  command->footer(
      "The names are those of the release's own manifests, as helm keeps them, and what the\n"
      "cluster's desired list holds for it. Changes nothing but the certificate of an agent that\n"
      "waits for one. Without RELEASE: every release that lighter brought.\n"
      "What is not proven is told with the node, the cause and the way out, and the exit code is "
      "4;\n"
      "pods that are not ready are told, and do not count.\n"
      "\n"
      "Examples:\n"
      "  lighter verify\n"
      "  lighter verify hydra -n hydra-system\n"
      "  lighter verify hydra --revision 3     # could it be gone back to?\n");
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("RELEASE", flags->release, "Only this release");
  AddReleaseFlags(*command, *flags);
  command
      ->add_option("--revision", flags->revision, "An older revision of RELEASE, by helm's number")
      ->check(CLI::PositiveNumber)
      ->needs("RELEASE");
  AddOutputFlag(*command, *flags);
  command->callback([flags, &exit_code] {
    const absl::StatusOr<int> code = RunVerify(*flags);
    exit_code = code.ok() ? *code : ReportError(code.status());
  });
}

}  // namespace lighter
