#include "coordinator/transfer/publish_gate.h"

namespace lighter {

void PublishGate::Arrive() {
  absl::MutexLock lock(&mutex_);
  --waiting_for_;
}

void PublishGate::Abandon() {
  absl::MutexLock lock(&mutex_);
  abandoned_ = true;
}

bool PublishGate::abandoned() const {
  absl::MutexLock lock(&mutex_);
  return abandoned_;
}

std::optional<v1::Finish::Action> PublishGate::Wait(absl::Duration patience) const {
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithTimeout(absl::Condition(this, &PublishGate::Decided), patience)) {
    return std::nullopt;
  }
  return abandoned_ ? v1::Finish::ABANDON : v1::Finish::PUBLISH;
}

}  // namespace lighter
