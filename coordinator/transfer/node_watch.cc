#include "coordinator/transfer/node_watch.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace lighter {
namespace {

// Whether `value` is lower than `least`, which becomes it then.
template <typename T>
bool Lower(T& least, T value) {
  if (value >= least) return false;
  least = value;
  return true;
}

}  // namespace

void NodeWatch::Begin(NodeStream* stream) {
  const std::lock_guard lock(mutex_);
  stream_ = stream;
  last_news_ = absl::Now();
  silent_ = false;
  advanced_ = false;
  to_move_.reset();
}

void NodeWatch::End() {
  const std::lock_guard lock(mutex_);
  stream_ = nullptr;
}

void NodeWatch::Needs(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  to_move_ = bytes;
  advanced_ |= Lower(least_bytes_, bytes);
}

void NodeWatch::Heard(const v1::LoadReply& reply) {
  const std::lock_guard lock(mutex_);
  last_news_ = std::max(last_news_, absl::Now());
  if (!reply.has_progress()) return;
  const v1::Progress& progress = reply.progress();
  if (to_move_.has_value()) {
    advanced_ |= Lower(least_bytes_, *to_move_ - std::min(*to_move_, progress.stored_bytes()));
  }
  // Zero before the agent knows.
  if (const uint32_t layers = progress.layers_to_unpack(); layers > 0) {
    advanced_ |= Lower(least_layers_, layers - std::min(layers, progress.layers_unpacked()));
  }
}

void NodeWatch::HeardNow() {
  const std::lock_guard lock(mutex_);
  last_news_ = absl::Now();
}

void NodeWatch::ExpectNothing() {
  const std::lock_guard lock(mutex_);
  last_news_ = absl::InfiniteFuture();
}

void NodeWatch::Advance() {
  const std::lock_guard lock(mutex_);
  advanced_ = true;
}

bool NodeWatch::advanced() const {
  const std::lock_guard lock(mutex_);
  return advanced_;
}

void NodeWatch::Cancel() {
  const std::lock_guard lock(mutex_);
  if (stream_ != nullptr) stream_->Cancel();
}

void NodeWatch::CancelIfSilent(absl::Duration limit) {
  const std::lock_guard lock(mutex_);
  if (stream_ == nullptr || absl::Now() - last_news_ <= limit) return;
  silent_ = true;
  stream_->Cancel();
}

bool NodeWatch::silent() const {
  const std::lock_guard lock(mutex_);
  return silent_;
}

}  // namespace lighter
