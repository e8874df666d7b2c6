#include "agent/registry/source_watch.h"

#include <sys/socket.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace lighter {
namespace {

// How often it looks: late by that much at most.
constexpr absl::Duration kMaxInterval = absl::Seconds(1);

}  // namespace

SourceWatch::SourceWatch(absl::Duration patience)
    : patience_(patience), thread_([this] { Run(); }) {}

SourceWatch::~SourceWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SourceWatch::Run() {
  const auto interval = absl::ToChronoMilliseconds(std::min(kMaxInterval, patience_ / 4));
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, interval, [this] { return stopping_; })) {
    const absl::Time now = absl::Now();
    for (Source& source : sources_) {
      if (source.given_up || now < source.deadline) continue;
      source.given_up = true;
      ::shutdown(source.fd, SHUT_RDWR);
    }
  }
}

SourceWatch::Wait::Wait(SourceWatch* watch, int fd) : watch_(watch) {
  const std::lock_guard lock(watch_->mutex_);
  watch_->sources_.push_front({fd, absl::Now() + watch_->patience_});
  source_ = watch_->sources_.begin();
}

SourceWatch::Wait::~Wait() {
  const std::lock_guard lock(watch_->mutex_);
  watch_->sources_.erase(source_);
}

void SourceWatch::Wait::Pause() {
  const std::lock_guard lock(watch_->mutex_);
  source_->deadline = absl::InfiniteFuture();
}

void SourceWatch::Wait::Resume() {
  const std::lock_guard lock(watch_->mutex_);
  source_->deadline = absl::Now() + watch_->patience_;
}

bool SourceWatch::Wait::given_up() const {
  const std::lock_guard lock(watch_->mutex_);
  return source_->given_up;
}

}  // namespace lighter
