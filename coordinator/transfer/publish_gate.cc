#include "coordinator/transfer/publish_gate.h"

namespace lighter {

void PublishGate::Arrive() {
  const std::lock_guard lock(mutex_);
  --waiting_for_;
  if (waiting_for_ == 0 && !decision_.has_value()) decision_ = v1::Finish::PUBLISH;
  decided_.notify_all();
}

bool PublishGate::Abandon() {
  const std::lock_guard lock(mutex_);
  if (!decision_.has_value()) decision_ = v1::Finish::ABANDON;
  decided_.notify_all();
  return decision_ == v1::Finish::ABANDON;
}

bool PublishGate::abandoned() const {
  const std::lock_guard lock(mutex_);
  return decision_ == v1::Finish::ABANDON;
}

std::optional<v1::Finish::Action> PublishGate::Wait(absl::Duration patience) const {
  std::unique_lock lock(mutex_);
  decided_.wait_for(lock, absl::ToChronoNanoseconds(patience),
                    [this] { return decision_.has_value(); });
  return decision_;
}

}  // namespace lighter
