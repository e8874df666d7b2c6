#include "agent/progress_sender.h"

#include <google/protobuf/util/message_differencer.h>

#include <utility>

#include "absl/time/clock.h"

namespace lighter {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr absl::Duration kInterval = absl::Milliseconds(100);
// Over the longest deadline of a call that the session waits for itself.
constexpr absl::Duration kSessionSilence = absl::Minutes(20);

v1::LoadReply ToReply(v1::Progress progress) {
  v1::LoadReply reply;
  *reply.mutable_progress() = std::move(progress);
  return reply;
}

}  // namespace

ProgressSender::ProgressSender(LoadStream* stream, absl::Duration heartbeat)
    : stream_(stream),
      heartbeat_(heartbeat),
      last_sent_(absl::Now()),
      last_report_(last_sent_),
      thread_([this] { Beat(); }) {}

ProgressSender::~ProgressSender() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

void ProgressSender::Report(v1::Progress progress) {
  const std::lock_guard lock(mutex_);
  last_report_ = absl::Now();
  if (!MessageDifferencer::Equals(progress, last_)) sent_ = false;
  last_ = std::move(progress);
  if (sent_ || last_report_ < last_sent_ + kInterval) return;
  sent_ = stream_->TrySend(ToReply(last_));
  if (sent_) last_sent_ = last_report_;
}

absl::Status ProgressSender::Send(v1::Progress progress) {
  {
    const std::lock_guard lock(mutex_);
    last_report_ = last_sent_ = absl::Now();
    last_ = progress;
    sent_ = true;
  }
  return stream_->Send(ToReply(std::move(progress)));
}

void ProgressSender::Beat() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    stop_asked_.wait_until(lock, absl::ToChronoTime(last_sent_ + heartbeat_));
    const absl::Time now = absl::Now();
    if (stop_ || now < last_sent_ + heartbeat_) continue;
    // Also where it could not be sent: something else was on its way then.
    last_sent_ = now;
    if (now < last_report_ + kSessionSilence) stream_->TrySend(ToReply(last_));
  }
}

}  // namespace lighter
