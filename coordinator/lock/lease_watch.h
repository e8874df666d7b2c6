// Whether somebody else's Lease still counts: the decision alone, without API and without clock.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "coordinator/lock/lease.h"
#include "coordinator/lock/process_identity.h"

namespace lighter {

enum class LeaseState {
  kFree,     // nobody holds it, or whoever did is gone
  kHeld,     // its holder is at work
  kUnclear,  // to be looked at again, until free_at()
};

// As client-go's leader election does it (tools/leaderelection), no clock but one's own is trusted:
// a Lease has lapsed when it was looked at for its whole duration and nobody renewed it. One that
// was renewed meanwhile is held. Where its holder is a process of this machine, that is quicker to
// tell.
class LeaseWatch {
 public:
  // `now`: of a clock that only goes forward, the same in all calls.
  LeaseState See(const RunLease& lease, Liveness holder, absl::Duration now);

  // When the Lease lapses unless it is renewed; on that clock.
  absl::Duration free_at() const { return free_at_; }

 private:
  std::optional<RunLease> first_;  // as it was seen first
  absl::Duration free_at_ = absl::InfiniteDuration();
};

}  // namespace lighter
