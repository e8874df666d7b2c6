// Carries the chunks of a load into containerd: the needed blobs in their order, each from its
// offset.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "agent/blob_writer.h"
#include "agent/containerd_client.h"
#include "agent/inventory.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Not thread-safe.
class BlobReceiver {
 public:
  // `stored` is called after each committed blob; its error ends the load.
  BlobReceiver(Containerd containerd, std::vector<MissingBlob> blobs,
               std::function<absl::Status(const BlobTarget&)> stored);

  // Commits blobs that an earlier load brought whole and did not live to commit: no chunk comes for
  // them. To be called once, first.
  absl::Status Begin() { return FinishComplete(); }

  // The next chunk. InvalidArgument where it is not the one that must follow.
  absl::Status Accept(v1::Chunk chunk);

  bool complete() const { return current_ == blobs_.size(); }
  uint64_t received_bytes() const { return received_bytes_; }
  // For messages; not to be called when complete.
  const BlobTarget& current() const { return blobs_[current_].target; }

 private:
  // Commits the current blob when its last byte came, and all after it that need no byte.
  absl::Status FinishComplete();
  absl::Status WriteNew(v1::Chunk chunk);

  const Containerd containerd_;
  std::vector<MissingBlob> blobs_;  // offset: of the next chunk that is to come
  const std::function<absl::Status(const BlobTarget&)> stored_;
  size_t current_ = 0;
  std::unique_ptr<BlobWriter> writer_;  // of the current blob, once it has begun
  uint64_t received_bytes_ = 0;
};

}  // namespace lighter
