// The agent's end of one Load stream: gRPC's callbacks on one side, a session's thread on the
// other.
//
// Never holds more than a few messages: reading stops until the session took one, and HTTP/2 flow
// control then stops the coordinator. That bounds the agent's memory.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/call_group.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Owned by gRPC; deletes itself after the stream's end, so the session must not touch it after End.
class LoadStream final : public grpc::ServerBidiReactor<v1::LoadRequest, v1::LoadReply> {
 public:
  LoadStream() = default;

  // Takes messages in from now on.
  void Begin();

  // The next message; null at `until`, or when Wake was called. Cancelled: the stream is broken;
  // OutOfRange: the coordinator closed its side and all its messages were taken.
  absl::StatusOr<std::unique_ptr<v1::LoadRequest>> Receive(absl::Time until);
  // Makes a Receive that is running, or the next one, return. From any thread.
  void Wake();
  // Waits while an earlier message is on its way. Cancelled: the stream is broken. From any thread.
  absl::Status Send(v1::LoadReply reply);
  // For what may be left out: a coordinator that does not read must not stop what it sends. False
  // where an earlier message is still on its way, or the stream is broken. From any thread.
  bool TrySend(v1::LoadReply reply);
  // Ends the stream with `status`.
  void End(const absl::Status& status);

  // Calls to containerd on behalf of this stream; cancelled when the stream breaks.
  CallGroup& calls() { return calls_; }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

  CallGroup calls_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<v1::LoadRequest>> inbox_;
  bool reading_ = false;
  bool ended_ = false;   // no more messages will come
  bool broken_ = false;  // nobody is there any more
  bool woken_ = false;
  bool writing_ = false;

  // Filled and read by gRPC while reading_ and writing_ respectively.
  std::unique_ptr<v1::LoadRequest> incoming_ = std::make_unique<v1::LoadRequest>();
  v1::LoadReply outgoing_;
};

}  // namespace lighter
