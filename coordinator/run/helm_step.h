// Running Helm for one release: what must be so before, and what is left after.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/helm/helm.h"
#include "coordinator/run/release_report.h"

namespace lighter {

// Aborted where one of `then` is not as it was when the run began: somebody else changed it.
absl::Status CheckReleasesUnchanged(const std::vector<Release>& then, const Helm& helm);

// Where Helm's output goes, in the run's folder.
std::string HelmLog(const std::string& folder);

// The revision of `history` to go back to from `current`: `wanted`, or where that is 0 the last one
// before it that ran. NotFound where there is none.
absl::StatusOr<HistoryEntry> ChooseRevision(const std::vector<HistoryEntry>& history,
                                            const Release& current, int wanted);

struct HelmStep {
  const Release& release;  // as it was before
  const Helm& helm;
  const Cluster& cluster;
  ReleaseState done = ReleaseState::kUpgraded;  // what it is when Helm succeeds
  bool wait = true;                             // for its pods, once Helm has
  absl::Duration timeout;
  std::string folder;    // of the run: Helm's log, and evidence where it fails
  bool restore = false;  // put the release back where Helm fails
  std::function<void(const std::string&)> say;  // one line a step, for people
};

// Runs `change`, finds out what Helm left, saves evidence where it failed, puts the release back
// where that is wanted, and writes all of it into `report`. Stops that came before it ends are
// acknowledged.
void RunHelmStep(const HelmStep& step, const std::function<absl::Status()>& change,
                 ReleaseReport& report);

}  // namespace lighter
