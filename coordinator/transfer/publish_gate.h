// The point where all nodes of a load wait for each other before names are created.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "absl/time/time.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Thread-safe. Opens with PUBLISH once every member has arrived or left, unless it was closed with
// ABANDON before; whichever comes first is for good, so no node that was told to create names is
// put back later.
class PublishGate {
 public:
  explicit PublishGate(size_t members) : waiting_for_(members) {}

  // A member has staged everything (or has left for good). Each member calls this exactly once.
  void Arrive();
  // The package is damaged: everyone is to be put back. False where the gate is open already.
  bool Abandon();
  bool abandoned() const;
  // The decision, or nothing when it is not made within `patience`.
  std::optional<v1::Finish::Action> Wait(absl::Duration patience) const;

 private:
  // std's mutex, here and wherever threads share data: ThreadSanitizer does not see into abseil's.
  mutable std::mutex mutex_;
  mutable std::condition_variable decided_;
  size_t waiting_for_;                          // guarded by mutex_
  std::optional<v1::Finish::Action> decision_;  // guarded by mutex_
};

}  // namespace lighter
