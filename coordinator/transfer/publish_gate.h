// The point where all nodes of a load wait for each other before names are created.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "absl/time/time.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Thread-safe. Opens with PUBLISH once every member has arrived or left; closes for good with
// ABANDON.
class PublishGate {
 public:
  explicit PublishGate(size_t members) : waiting_for_(members) {}

  // A member has staged everything (or has left for good). Each member calls this exactly once.
  void Arrive();
  // The package is damaged: everyone is to be put back.
  void Abandon();
  bool abandoned() const;
  // The decision, or nothing when it is not made within `patience`.
  std::optional<v1::Finish::Action> Wait(absl::Duration patience) const;

 private:
  // std's mutex, here and wherever threads share data: ThreadSanitizer does not see into abseil's.
  mutable std::mutex mutex_;
  mutable std::condition_variable decided_;
  size_t waiting_for_;      // guarded by mutex_
  bool abandoned_ = false;  // guarded by mutex_
};

}  // namespace lighter
