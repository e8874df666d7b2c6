// The pods of a release that Helm has just upgraded.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/cluster/cluster.h"

namespace lighter {

using PodLister = std::function<absl::StatusOr<std::vector<PodState>>()>;

// What `list` says once every pod is ready or has ended, or when `patience` is over or a stop
// signal has come. Where it fails it is asked again until then; its last error is returned. Helm's
// own wait is content with a DaemonSet of which maxUnavailable pods are still starting.
absl::StatusOr<std::vector<PodState>> PodsWhenSettled(const PodLister& list,
                                                      absl::Duration patience);

}  // namespace lighter
