// SIGTERM and SIGINT as something that a program waits for, also as the first of its container.
#pragma once

#include <csignal>

#include "absl/time/time.h"

namespace lighter {

// Blocks both in every thread, so that only those who wait for one see them; call it before any
// other thread is started.
sigset_t BlockStopSignals();

// True once one came; waits for it for `poll` at most.
bool StopCame(const sigset_t& stop_signals, absl::Duration poll);

}  // namespace lighter
