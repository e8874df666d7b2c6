#include "coordinator/lock/lease_watch.h"

namespace lighter {

LeaseState LeaseWatch::See(const RunLease& lease, Liveness holder, absl::Duration now) {
  if (lease.holder.empty() || holder == Liveness::kDead) return LeaseState::kFree;
  if (holder == Liveness::kAlive) return LeaseState::kHeld;
  if (!first_.has_value()) {
    first_ = lease;
    free_at_ = now + lease.duration;
    return LeaseState::kUnclear;
  }
  const bool is_renewed = lease.holder != first_->holder || lease.renewed != first_->renewed;
  if (is_renewed) return LeaseState::kHeld;
  return now >= free_at_ ? LeaseState::kFree : LeaseState::kUnclear;
}

}  // namespace lighter
