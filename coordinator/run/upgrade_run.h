// The main job: load and prove every image on every node, then run Helm, release by release.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/lock/run_lock.h"
#include "coordinator/plan/plan.h"
#include "coordinator/run/load_run.h"
#include "coordinator/run/release_report.h"

namespace lighter {

struct UpgradeReport {
  LoadReport load;
  std::vector<ReleaseReport> releases;
  absl::Status blocked;   // why Helm was not run at all; OK when it was
  std::string recovered;  // sentences on what --recover changed before; empty: nothing

  // Every release is upgraded, but those that somebody else upgrades.
  bool Succeeded() const;
  // Whether there are such.
  bool LeftToOwners() const;
};

struct UpgradeRunOptions {
  ProgressMode progress = ProgressMode::kNone;
  absl::Duration timeout = absl::Minutes(5);
  bool wait = true;
  bool rollback_on_failure = false;
  bool publish = true;      // write what was proven into the desired list
  RunLock* lock = nullptr;  // must still be held when Helm is run; null: none is taken
};

// Helm runs only when every node that takes part is proven; nodes are listed and asked once more
// just before it. Stops at the first release that fails, and before one when a stop signal has come
// or somebody else changed it. `say` gets one line a step, for people.
UpgradeReport RunUpgrade(PlanMaker& maker, Plan& plan, const RunFolder& folder,
                         const UpgradeRunOptions& options,
                         const std::function<void(const std::string&)>& say);

}  // namespace lighter
