#include "coordinator/run/release_pods.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr absl::Duration kPodPoll = absl::Milliseconds(500);

// Ready, or never again: a Job's pod that has ended is not waited for.
bool IsSettled(const PodState& pod) {
  return pod.ready || pod.phase == "Succeeded" || pod.phase == "Failed";
}

}  // namespace

absl::StatusOr<std::vector<PodState>> PodsWhenSettled(const PodLister& list,
                                                      absl::Duration patience) {
  const absl::Time until = absl::Now() + patience;
  while (true) {
    absl::StatusOr<std::vector<PodState>> pods = list();
    const bool settled = pods.ok() && std::all_of(pods->begin(), pods->end(), IsSettled);
    if (settled || StopRequested() || absl::Now() > until) return pods;
    absl::SleepFor(kPodPoll);
  }
}

}  // namespace lighter
