// What lighter's exit code says. Part of the interface; also in --help.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "coordinator/run/rollback_run.h"
#include "coordinator/run/upgrade_run.h"
#include "coordinator/run/verify_run.h"

namespace lighter {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed =
    1;  // nothing that runs was changed, or Helm failed: the text says
inline constexpr int kExitUsage = 2;  // the command line, or a file it names
// Some nodes are proven, others are not, and Helm was not run; or all are, and the desired list
// could not be written.
inline constexpr int kExitPartial = 4;
inline constexpr int kExitStopped = 128;  // plus the number of the signal: 130 Ctrl-C, 143 SIGTERM

// 0 when all is proven that must be, and the desired list is written; 4 when it could not be; else
// 130 and the like after a stop signal, 4 when some nodes are proven, 1.
int LoadExitCode(const LoadReport& report);

// The same of an upgrade, whatever became of the desired list; 4 also when a release was left to
// its owner, 1 also when Helm failed or something else than the load was in the way.
int UpgradeExitCode(const UpgradeReport& report);

// 0; 1 when pods would not start or would find no node, or no node can be served; 4
// when some nodes cannot.
int PlanExitCode(const Plan& plan);

// 0 when every release is proven on every node; 4 when not; 1 when no node could be asked.
int VerifyExitCode(const VerifyReport& report);

// 0; that of VerifyExitCode when Helm was not run for it; 130 and the like after a stop signal, 1.
int RollbackExitCode(const RollbackPlan& plan, const RollbackReport& report);

// Of an error of the command line, of a run that was stopped, or of any other.
int ErrorExitCode(const absl::Status& status);

// Says on stderr what went wrong, and returns the exit code for it. `changed`: sentences on what
// was changed before; empty: nothing was.
int ReportError(const absl::Status& status, const std::string& changed = "");

}  // namespace lighter
