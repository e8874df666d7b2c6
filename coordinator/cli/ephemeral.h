// --ephemeral: agents that are there for one run.
#pragma once

#include <CLI/CLI.hpp>

#include "coordinator/cli/options.h"

namespace lighter {

// --ephemeral, of commands that use agents; not with --tls-dir, which the command must have
// already: only what `lighter agent install` brought can be taken away.
CLI::Option* AddEphemeralFlag(CLI::App& command, bool& ephemeral);

// Takes the agents away as `lighter agent uninstall` does and says on stderr what came of it.
// Returns `exit_code` of the run, or 4 where the run went well and something of the agents is left.
// A run that was stopped keeps them: the same command is to continue it.
int RemoveAgentsAfterRun(const CommonFlags& flags, int exit_code);

}  // namespace lighter
