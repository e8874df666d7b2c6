// lighter: from an offline package to running pods, on a Kubernetes that has no registry.
#include <CLI/CLI.hpp>
#include <clocale>
#include <cstdio>
#include <exception>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/version.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/output.h"
#include "coordinator/process/stop_signal.h"

namespace {

constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 failed; 2 usage; 4 some nodes are proven, others not, or all are and\n"
    "the desired list could not be written (of agent and prune: something is left to do on a "
    "node;\n"
    "of verify and rollback: not everything is proven);\n"
    "130 stopped by Ctrl-C, 143 by SIGTERM, 129 by a closed terminal.\n";
constexpr char kFooter[] =
    "Results go to stdout, progress and messages to stderr.\n"
    "\n"
    "Examples:\n"
    "  lighter agent install\n"
    "  lighter inspect platform_v1.2.tar\n"
    "  lighter plan platform_v1.2.tar --set global.imageRegistry=10.16.10.111\n"
    "  lighter upgrade platform_v1.2.tar --set global.imageRegistry=10.16.10.111\n";

// Each command's help ends with the exit codes, which are the same for all.
void AddExitCodes(CLI::App& app) {
  const std::string footer = app.get_footer();
  app.footer(footer.empty() ? kExitCodes : absl::StrCat(footer, "\n", kExitCodes));
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    AddExitCodes(*command);
  }
}

int RunCommand(int argc, char** argv) {
  CLI::App app(
      "Brings an offline package onto the nodes of a Kubernetes that has no registry,\n"
      "proves every image on every node, and only then runs the Helm upgrade.",
      "lighter");
  app.set_version_flag("--version", lighter::kVersion);
  app.set_help_flag("-h,--help", "This help");
  app.require_subcommand(1);
  app.footer(kFooter);
  int exit_code = lighter::kExitOk;
  lighter::AddAgentCommand(app, exit_code);
  lighter::AddInspectCommand(app, exit_code);
  lighter::AddPlanCommand(app, exit_code);
  lighter::AddLoadCommand(app, exit_code);
  lighter::AddUpgradeCommand(app, exit_code);
  lighter::AddVerifyCommand(app, exit_code);
  lighter::AddRollbackCommand(app, exit_code);
  lighter::AddExportCommand(app, exit_code);
  lighter::AddPruneCommand(app, exit_code);
  lighter::AddCompletionCommand(app);
  AddExitCodes(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    // CLI11 says that a subcommand is required also where there is one that it does not know.
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    if (!unknown.empty() && !absl::StartsWith(unknown.front(), "-")) {
      std::fprintf(stderr,
                   "%s is no command; `lighter --help` and `lighter agent --help` list them\n",
                   unknown.front().c_str());
      return lighter::kExitUsage;
    }
    return app.exit(error) == 0 ? lighter::kExitOk : lighter::kExitUsage;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? lighter::kExitOk : lighter::kExitUsage;
  } catch (const std::exception& error) {
    // Only a library that throws against its word, or no memory, comes here.
    std::fprintf(stderr, "error: lighter gave up: %s\nRun the same command again.\n", error.what());
    return lighter::kExitFailed;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  lighter::InstallStopSignals();
  const int exit_code = RunCommand(argc, argv);
  if (!lighter::FlushResult() && exit_code == lighter::kExitOk) return lighter::kExitFailed;
  return exit_code;
}
