// lighter: from an offline package to running pods, on a Kubernetes that has no registry.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/version.h"
#include "coordinator/cli/app_tree.h"
#include "coordinator/cli/arguments.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/complete.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/output.h"
#include "coordinator/cli/plugin.h"
#include "coordinator/cli/suggest.h"
#include "coordinator/process/stop_signal.h"

namespace {

constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 failed; 2 usage; 4 some nodes are proven, others not, or all are and\n"
    "the desired list could not be written (of upgrade: a release was left to its owner; of agent\n"
    "and prune: something is left to do on a node, or an agent tells of a problem; of verify and\n"
    "rollback: not everything is proven);\n"
    "130 stopped by Ctrl-C, 143 by SIGTERM, 129 by a closed terminal.\n";
// What the scripts of `lighter completion` call; no command for people.
constexpr char kComplete[] = "__complete";
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
  for (CLI::App* command : lighter::Subcommands(app)) AddExitCodes(*command);
}

// Says what is wrong with the command line, and what may have been meant.
int ReportParseError(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
  const auto is_a = [&error](CLI::ExitCodes code) {
    return error.get_exit_code() == static_cast<int>(code);
  };
  const bool is_unknown = is_a(CLI::ExitCodes::RequiredError) || is_a(CLI::ExitCodes::ExtrasError);
  if (!is_unknown || unknown.empty()) {
    return app.exit(error) == 0 ? lighter::kExitOk : lighter::kExitUsage;
  }
  // CLI11 says that a subcommand is required also where there is one that it does not know.
  const std::string& word = unknown.front();
  lighter::PrintText(
      stderr, absl::StrCat(word, absl::StartsWith(word, "-") ? " is no flag" : " is not expected",
                           " here", lighter::DidYouMean(app, word), "\nRun `", app.get_name(),
                           " --help`, or that of a command, for what there is.\n"));
  return lighter::kExitUsage;
}

int RunCommand(const std::string& program, std::vector<std::string> words) {
  CLI::App app(
      "Brings an offline package onto the nodes of a Kubernetes that has no registry,\n"
      "proves every image on every node, and only then runs the Helm upgrade.",
      lighter::NameInHelp(program));
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
  lighter::AddManCommand(app, exit_code);
  AddExitCodes(app);
  lighter::CallByName(app, app.get_name());
  if (lighter::IsPluginCompletion(program)) words.insert(words.begin(), kComplete);
  if (!words.empty() && words.front() == kComplete) {
    std::fputs(lighter::Complete(app, {words.begin() + 1, words.end()}).c_str(), stdout);
    return lighter::kExitOk;
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, error);
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
  const int exit_code = RunCommand(argc > 0 ? argv[0] : "", lighter::TakeArguments(argc, argv));
  if (!lighter::FlushResult() && exit_code == lighter::kExitOk) return lighter::kExitFailed;
  return exit_code;
}
