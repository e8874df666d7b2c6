#include "coordinator/transfer/load_gate.h"

namespace lighter {

void LoadGate::Arrive() {
  absl::MutexLock lock(&mutex_);
  --waiting_for_;
}

void LoadGate::Abandon() {
  absl::MutexLock lock(&mutex_);
  abandoned_ = true;
}

bool LoadGate::abandoned() const {
  absl::MutexLock lock(&mutex_);
  return abandoned_;
}

std::optional<v1::Finish::Action> LoadGate::Wait(absl::Duration patience) const {
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithTimeout(absl::Condition(this, &LoadGate::Decided), patience)) {
    return std::nullopt;
  }
  return abandoned_ ? v1::Finish::ABANDON : v1::Finish::PUBLISH;
}

}  // namespace lighter
