// Runs helm and kubectl as children: output captured within a cap, stopped when we die.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/limits.h"

namespace lighter {

struct ProcessOptions {
  // Stopped with SIGTERM after this; the result then is DeadlineExceeded.
  absl::Duration timeout = absl::InfiniteDuration();
  // More output than this on stdout or stderr is ResourceExhausted.
  uint64_t max_output_bytes = 256 * kMiB;
  std::string input;  // the child's stdin; empty: /dev/null
  // Where set, the child writes stdout and stderr straight into this file (appended, mode 0600), so
  // that it never waits for us nor loses its output with us; ProcessResult::err has the last part
  // of it.
  std::string log_path;
  // Own session: a Ctrl-C in the terminal or a lost terminal does not reach the child, the first
  // stop signal is not passed on, and it is never killed by SIGKILL, only asked to end.
  bool own_session = false;
};

struct ProcessResult {
  int exit_code = 0;  // 128 + signal number when a signal ended it
  std::string out;
  std::string err;  // the log's last part where there is a log
};

// Runs argv[0] (searched in PATH) and waits. Must be called from a thread that outlives the child:
// the kernel sends the child SIGTERM when that thread ends. A non-zero exit code is not an error
// here. Errors: NotFound (no such program), DeadlineExceeded, ResourceExhausted, Cancelled (the
// stop signal arrived twice before or while a child in its own session ran, once otherwise; see
// AcknowledgeStops), Unknown (it ended, but its exit code was lost).
absl::StatusOr<ProcessResult> RunProcess(const std::vector<std::string>& argv,
                                         const ProcessOptions& options = {});

// Time so far in which at least one RunProcess was under way, in whichever thread.
absl::Duration ChildTime();

// `argv` as one line that can be pasted into a shell.
std::string ShellQuoted(const std::vector<std::string>& argv);

}  // namespace lighter
