#include "coordinator/process/stop_signal.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace lighter {
namespace {

std::atomic<int> stop_count{0};
std::atomic<int> first_signal{0};
std::atomic<int> acknowledged{0};
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

extern "C" void OnStopSignal(int signal_number) {
  int expected = 0;
  first_signal.compare_exchange_strong(expected, signal_number);
  if (stop_count.fetch_add(1) >= 2) _exit(128 + signal_number);
}

}  // namespace

bool IsIgnored(int signal_number) {
  struct sigaction now {};
  return sigaction(signal_number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void InstallStopSignals() {
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  // A lost terminal is a wish to stop, not a reason to die.
  for (const int number : {SIGINT, SIGHUP}) {
    if (!IsIgnored(number)) sigaction(number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

int StopSignalCount() { return stop_count.load(); }
void AcknowledgeStops() { acknowledged = stop_count.load(); }
int AcknowledgedStops() { return acknowledged.load(); }
int FirstStopSignal() { return first_signal.load(); }

}  // namespace lighter
