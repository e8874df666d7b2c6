// One Load stream to one agent, from LoadStart to Done.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/transfer/load.h"

namespace lighter {

// Writes on the calling thread; a thread of its own drains the replies. Use once: Start, Stage,
// Finish, from one thread. Cancel may come from any thread at any time.
class NodeStream {
 public:
  // `on_reply` is told of every reply, from the reading thread.
  NodeStream(const LoadWork& work, const NodeEndpoint& node,
             std::function<void(const v1::LoadReply&)> on_reply,
             absl::Time deadline = absl::InfiniteFuture());
  ~NodeStream();

  // Says what the load is and returns what the node lacks of it. Errors: the stream's status.
  absl::StatusOr<v1::Need> Start();
  // Sends what the node lacks. OK: the agent has all blobs stored and unpacked.
  absl::Status Stage();
  // Ends the stream: PUBLISH (staged streams only) returns the proofs, ABANDON none.
  absl::StatusOr<std::vector<v1::Proof>> Finish(v1::Finish::Action action);
  // The stream ended before it was finished; a dead agent is noticed by keepalive.
  bool Ended() const;
  // Waits for the end of a stream that is not to be finished: why it ended, never OK.
  absl::Status Close();
  void Cancel() { context_.TryCancel(); }

  uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  void ReadReplies();
  bool Send(const v1::LoadRequest& request) { return stream_->Write(request); }
  absl::Status SendBlob(uint32_t index);

  const LoadWork& work_;
  const NodeEndpoint& node_;
  std::function<void(const v1::LoadReply&)> on_reply_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriterInterface<v1::LoadRequest, v1::LoadReply>> stream_;
  std::thread reader_;
  v1::Need need_;  // the reader's, once it has come
  uint64_t sent_bytes_ = 0;
  bool closed_ = false;

  mutable std::mutex mutex_;
  std::condition_variable news_;  // one of the following changed; all guarded by mutex_
  std::optional<v1::Need> received_need_;
  bool staged_ = false;
  bool ended_ = false;  // no more replies will come
  bool done_ = false;
  std::vector<v1::Proof> proofs_;
};

}  // namespace lighter
