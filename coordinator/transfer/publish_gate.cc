#include "coordinator/transfer/publish_gate.h"

namespace lighter {

void PublishGate::Arrive() {
  const std::lock_guard lock(mutex_);
  --waiting_for_;
  decided_.notify_all();
}

void PublishGate::Abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  decided_.notify_all();
}

bool PublishGate::abandoned() const {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}

std::optional<v1::Finish::Action> PublishGate::Wait(absl::Duration patience) const {
  std::unique_lock lock(mutex_);
  const bool decided = decided_.wait_for(lock, absl::ToChronoNanoseconds(patience),
                                         [this] { return abandoned_ || waiting_for_ == 0; });
  if (!decided) return std::nullopt;
  return abandoned_ ? v1::Finish::ABANDON : v1::Finish::PUBLISH;
}

}  // namespace lighter
