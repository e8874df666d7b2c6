// `lighter rollback`: proves what an older revision of a release needs, then has Helm go back to
// it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/lock/run_lock.h"
#include "coordinator/plan/run_folder.h"
#include "coordinator/run/load_run.h"
#include "coordinator/run/release_report.h"
#include "coordinator/run/verify_run.h"

namespace lighter {

// What a rollback would do; the target revision is the one that was verified.
struct RollbackPlan {
  Release release;        // as it is now
  VerifyReport verified;  // of that release alone
  std::vector<std::string> notes;

  const VerifiedRelease& target() const { return verified.releases.front(); }
};

// Of the release of the verifier's options, which must be open; see ChooseRevision for `revision`.
absl::StatusOr<RollbackPlan> PlanRollback(Verifier& verifier, int revision);

struct RollbackRunOptions {
  absl::Duration timeout = absl::Minutes(5);
  bool wait = true;
  bool publish = true;      // write what will run into the desired list
  RunLock* lock = nullptr;  // must still be held when Helm is run; null: none is taken
};

struct RollbackReport {
  ReleaseReport release;
  DesiredReport desired;
  absl::Status blocked;  // why Helm was not run; OK when it was

  bool Succeeded() const;
};

// Helm runs only where the target is proven on every node and the release is as it was. Before that
// the cluster's desired list is told what will run, as a load tells it. `say` gets one line a step,
// for people.
RollbackReport RunRollback(const Verifier& verifier, const RollbackPlan& plan,
                           const RunFolder& folder, const RollbackRunOptions& options,
                           const std::function<void(const std::string&)>& say);

}  // namespace lighter
