// Shows a ProgressBoard while a load runs: a table that redraws on a terminal, plain lines
// elsewhere.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/progress/progress_board.h"

namespace lighter {

enum class ProgressMode { kTty, kPlain, kJson, kNone };

// "auto", "tty", "plain", "json", "none". auto: tty where stderr is a terminal, TERM is not dumb
// and CI is not set; plain otherwise.
absl::StatusOr<ProgressMode> ParseProgressMode(const std::string& text);

// Draws on stderr from a thread of its own, from construction until Stop or destruction. On a
// terminal at most ten frames a second, only when something changed, the cursor hidden meanwhile.
// Plain: a line when a node changes its phase, totals every 10 s. Json: one object a line.
class ProgressDisplay {
 public:
  // `footer` is shown under the table: whether anything has changed yet and if it is safe to stop.
  ProgressDisplay(const ProgressBoard& board, ProgressMode mode, std::string footer);
  ~ProgressDisplay() { Stop(); }

  // Shows the final state and ends the thread. Idempotent.
  void Stop();

 private:
  void Run();

  const ProgressBoard& board_;
  const ProgressMode mode_;
  const std::string footer_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace lighter
