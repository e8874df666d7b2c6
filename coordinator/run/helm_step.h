// Running Helm for one release: what must be so before, and what is left after.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/helm/helm.h"
#include "coordinator/run/release_report.h"

namespace lighter {

// Aborted where one of `then` is not as it was when the run began: somebody else changed it.
absl::Status CheckReleasesUnchanged(const std::vector<Release>& then, const Helm& helm);

struct HelmStep {
  const Release& release;  // as it was before
  const Helm& helm;
  const Cluster& cluster;
  ReleaseState done = ReleaseState::kUpgraded;  // what it is when Helm succeeds
  bool wait = true;                             // for its pods, once Helm has
  absl::Duration timeout;
};

// Runs `change`, finds out what Helm left, and writes both into `report`. Stops that came before it
// ends are acknowledged.
void RunHelmStep(const HelmStep& step, const std::function<absl::Status()>& change,
                 ReleaseReport& report);

}  // namespace lighter
