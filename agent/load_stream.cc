#include "agent/load_stream.h"

#include <utility>

#include "common/grpc_status.h"

namespace lighter {
namespace {

// Of slightly under 1 MiB each.
constexpr size_t kInboxMessages = 4;

}  // namespace

// gRPC may call a reaction back from within StartRead and StartWrite, so neither is called with the
// mutex held.

void LoadStream::Begin() {
  {
    const std::lock_guard lock(mutex_);
    reading_ = true;
  }
  StartRead(incoming_.get());
}

void LoadStream::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    if (ok) {
      inbox_.push_back(std::move(incoming_));
      incoming_ = std::make_unique<v1::LoadRequest>();
    } else {
      ended_ = true;
    }
    reading_ = ok && inbox_.size() < kInboxMessages;
    ok = reading_;
    changed_.notify_all();
  }
  if (ok) StartRead(incoming_.get());
}

absl::StatusOr<std::unique_ptr<v1::LoadRequest>> LoadStream::Receive(absl::Time until) {
  std::unique_ptr<v1::LoadRequest> message;
  bool read_more = false;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, absl::ToChronoTime(until),
                        [this] { return !inbox_.empty() || ended_ || broken_ || woken_; });
    woken_ = false;
    if (broken_) return absl::CancelledError("the coordinator is gone; what came is kept");
    if (!inbox_.empty()) {
      message = std::move(inbox_.front());
      inbox_.pop_front();
      read_more = !reading_ && !ended_;
      if (read_more) reading_ = true;
    } else if (ended_) {
      return absl::OutOfRangeError("the coordinator closed the stream");
    }
  }
  if (read_more) StartRead(incoming_.get());
  return message;
}

void LoadStream::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

absl::Status LoadStream::Send(v1::LoadReply reply) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !writing_ || broken_; });
    if (broken_) return absl::CancelledError("the coordinator is gone; what came is kept");
    writing_ = true;
    outgoing_ = std::move(reply);
  }
  StartWrite(&outgoing_);
  return absl::OkStatus();
}

bool LoadStream::TrySend(v1::LoadReply reply) {
  {
    const std::lock_guard lock(mutex_);
    if (writing_ || broken_) return false;
    writing_ = true;
    outgoing_ = std::move(reply);
  }
  StartWrite(&outgoing_);
  return true;
}

void LoadStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) broken_ = true;
  changed_.notify_all();
}

void LoadStream::OnCancel() {
  calls_.Cancel();
  const std::lock_guard lock(mutex_);
  broken_ = true;
  changed_.notify_all();
}

// A message that is still on its way goes out first, or is dropped where `status` is an error.
void LoadStream::End(const absl::Status& status) { Finish(ToGrpc(status)); }

}  // namespace lighter
