#include "agent/call_group.h"

#include "absl/time/clock.h"

namespace lighter {

void CallGroup::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* context : running_) context->TryCancel();
}

bool CallGroup::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void CallGroup::Add(grpc::ClientContext* context) {
  const std::lock_guard lock(mutex_);
  running_.insert(context);
  if (cancelled_) context->TryCancel();
}

void CallGroup::Remove(grpc::ClientContext* context) {
  const std::lock_guard lock(mutex_);
  running_.erase(context);
}

Call::Call(const CallScope& scope, std::optional<absl::Duration> timeout) : group_(scope.group) {
  context_.AddMetadata("containerd-namespace", "k8s.io");
  if (!scope.lease.empty()) context_.AddMetadata("containerd-lease", scope.lease);
  if (timeout.has_value()) context_.set_deadline(absl::ToChronoTime(absl::Now() + *timeout));
  if (group_ != nullptr) group_->Add(&context_);
}

Call::~Call() {
  if (group_ != nullptr) group_->Remove(&context_);
}

}  // namespace lighter
