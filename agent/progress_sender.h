// Tells the coordinator how a load goes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/load_stream.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Sends news when there is any, at most ten times a second, and the last news again when nothing
// was sent for `heartbeat`: a step may take hours, and the coordinator must tell a node that works
// from one that hangs. For that it falls silent, too, when its session itself reports nothing for
// longer than any of its calls may last.
class ProgressSender {
 public:
  // Heartbeats begin at once. `stream` must outlive it, and must not be ended before it.
  ProgressSender(LoadStream* stream, absl::Duration heartbeat);
  ~ProgressSender();

  // What the load is doing now. Does not wait, and leaves out what there is no time for.
  void Report(v1::Progress progress);
  // The same, but waits until it is on its way. Cancelled: the stream is broken.
  absl::Status Send(v1::Progress progress);

 private:
  void Beat();

  LoadStream* const stream_;
  const absl::Duration heartbeat_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable stop_asked_;
  bool stop_ = false;
  v1::Progress last_;
  bool sent_ = false;  // `last_` was, since it changed
  absl::Time last_sent_;
  absl::Time last_report_;

  std::thread thread_;
};

}  // namespace lighter
