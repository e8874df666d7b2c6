// The commands of lighter. Each Add* binds a subcommand whose callback sets `exit_code`.
#pragma once

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "coordinator/run/load_run.h"

namespace lighter {

void AddInspectCommand(CLI::App& app, int& exit_code);
void AddPlanCommand(CLI::App& app, int& exit_code);
void AddLoadCommand(CLI::App& app, int& exit_code);
void AddUpgradeCommand(CLI::App& app, int& exit_code);
// Add last: completes the commands that `app` has when it runs.
void AddCompletionCommand(CLI::App& app);

// 0 when all is proven; else 130 and the like after a stop signal, 4 when some nodes are proven, 1.
int LoadExitCode(const LoadReport& report);

// Says on stderr what went wrong before anything was changed, and returns the exit code for it.
int ReportError(const absl::Status& status);

}  // namespace lighter
