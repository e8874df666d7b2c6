// `lighter man`: the man pages.
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/cli/app_tree.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/man_page.h"
#include "coordinator/cli/output.h"

namespace lighter {
namespace {

struct ManFlags {
  std::vector<std::string> command;
  std::string folder;
};

absl::Status WritePages(const CLI::App& command, const std::string& folder) {
  const std::string path = folder + "/" + ManPageName(command);
  RETURN_IF_ERROR(WriteFileAtomic(path, ManPage(command), 0644));
  PrintText(stdout, path + "\n");
  for (const CLI::App* sub : Subcommands(command)) RETURN_IF_ERROR(WritePages(*sub, folder));
  return absl::OkStatus();
}

absl::Status RunMan(const CLI::App& app, const ManFlags& flags) {
  if (!flags.folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(flags.folder, error);
    if (error) return ErrnoStatus(error.value(), "create " + flags.folder);
    return WritePages(app, flags.folder);
  }
  const CLI::App* command = &app;
  for (const std::string& word : flags.command) {
    command = FindSubcommand(*command, word);
    if (command == nullptr) {
      return UsageError(absl::InvalidArgumentError(word + " is no command"));
    }
  }
  std::fputs(ManPage(*command).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddManCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("man", "Print a man page, or write all of them");
  command->footer(
      "The same text as --help, as a page for man.\n"
      "\n"
      "Examples:\n"
      "  lighter man upgrade | man -l -\n"
      "  lighter man agent install | man -l -\n"
      "  lighter man --folder /usr/local/share/man/man1      # then: man lighter-upgrade\n");
  auto flags = std::make_shared<ManFlags>();
  CLI::Option* const words =
      command->add_option("COMMAND", flags->command, "The command (default: lighter itself)");
  command->add_option("--folder", flags->folder, "Write every page into this folder")
      ->excludes(words);
  command->callback([flags, &app, &exit_code] {
    const absl::Status status = RunMan(app, *flags);
    if (status.ok()) return;
    PrintText(stderr, "error: " + Message(status) + "\n");
    exit_code = ErrorExitCode(status);
  });
}

}  // namespace lighter
