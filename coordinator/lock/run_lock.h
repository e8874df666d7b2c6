// One run a release and cluster at a time: the lock that load, upgrade, rollback and prune take.
//
// It is a Lease in the agents' namespace, where whoever may load has rights already; where agents
// came in another way (--tls-dir), in the release's own. `kubectl get leases -n lighter-system`
// shows the runs that are at work.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/lock/lease_store.h"
#include "coordinator/lock/lease_watch.h"

namespace lighter {

// What a run works on.
struct LockKey {
  std::string lease;        // the Lease's name
  std::string ns;           // the Lease's namespace
  std::string what;         // "release web (namespace harbor)"
  bool is_for_all = false;  // no other run may be at work at all
};

// `ns` empty: where the release itself is.
LockKey LockOfRelease(const std::string& ns, const std::string& release_ns,
                      const std::string& release);
// Of images that are loaded before there is a release of their chart.
LockKey LockOfChart(const std::string& ns, const std::string& chart);
// Of taking images off nodes.
LockKey LockOfPrune(const std::string& ns);

struct RunLockOptions {
  std::string holder;   // who and which run, for people
  std::string command;  // "lighter upgrade"
  std::string process;  // see ProcessIdentity
  std::function<void(const std::string&)> say;
  absl::Duration between_looks = absl::Seconds(2);
  absl::Duration between_renewals = absl::Seconds(10);
};

// Thread-safe. Holds what it took until it goes; a thread of its own renews it. `store` outlives
// it.
class RunLock {
 public:
  RunLock(LeaseStore& store, RunLockOptions options);
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  // Gives everything back. Acknowledges stop signals: what they were to stop is over.
  ~RunLock();

  // Takes all of `keys`, or none; those that it has are taken already. Waits where a holder may be
  // dead, at most its Lease's duration, and says so. FailedPrecondition (E-LOCK-HELD) where another
  // run is at work, Cancelled after a stop signal, errors of the store. Where the user may not
  // list or write Leases, or the namespace is not there yet, that is said (N-LOCK-NONE), and the
  // run goes on without.
  absl::Status Take(const std::vector<LockKey>& keys);

  // FailedPrecondition (E-LOCK-LOST) where another run has the lock now, or it could not be renewed
  // for so long that one may have.
  absl::Status CheckHeld();

 private:
  struct Held {
    LockKey key;
    RunLease lease;
    absl::Duration renewed_at;  // on Now()'s clock
    absl::Status lost;
  };
  using Watches = std::map<std::string, LeaseWatch>;  // by Lease

  static absl::Duration Now();
  bool Has(const std::string& lease) const;
  absl::StatusOr<bool> TryTake(const std::vector<LockKey>& keys, Watches& watches);
  absl::StatusOr<bool> TryTakeOne(const LockKey& key, const RunLease* there, Watches& watches);
  void GoWithout(const LockKey& key, const absl::Status& cause);
  absl::StatusOr<bool> NoOtherRun(const LockKey& key, const std::vector<RunLease>& leases,
                                  Watches& watches);
  absl::StatusOr<bool> IsFree(const LockKey& key, const RunLease& lease, Watches& watches);
  void Renew(Held& held);
  void RenewAll();
  void GiveBack(size_t first);
  void KeepRenewing();

  LeaseStore& store_;
  const RunLockOptions options_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool is_ending_ = false;
  std::vector<Held> held_;
  std::set<std::string> without_;  // Leases that could not be had
  std::thread renewer_;
};

}  // namespace lighter
