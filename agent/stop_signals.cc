#include "agent/stop_signals.h"

namespace lighter {

sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

bool StopCame(const sigset_t& stop_signals, absl::Duration poll) {
  const timespec time = absl::ToTimespec(poll);
  return sigtimedwait(&stop_signals, nullptr, &time) > 0;
}

}  // namespace lighter
