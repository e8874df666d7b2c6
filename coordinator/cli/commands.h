// The commands of lighter. Each Add* binds a subcommand whose callback sets `exit_code`.
#pragma once

#include <CLI/CLI.hpp>

namespace lighter {

void AddAgentCommand(CLI::App& app, int& exit_code);
void AddExportCommand(CLI::App& app, int& exit_code);
void AddInspectCommand(CLI::App& app, int& exit_code);
void AddPlanCommand(CLI::App& app, int& exit_code);
void AddLoadCommand(CLI::App& app, int& exit_code);
void AddPruneCommand(CLI::App& app, int& exit_code);
void AddRollbackCommand(CLI::App& app, int& exit_code);
void AddUpgradeCommand(CLI::App& app, int& exit_code);
void AddVerifyCommand(CLI::App& app, int& exit_code);
void AddCompletionCommand(CLI::App& app);
// Prints the pages of the commands that `app` has when it runs.
void AddManCommand(CLI::App& app, int& exit_code);

}  // namespace lighter
