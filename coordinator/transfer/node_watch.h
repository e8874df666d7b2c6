// What a load notices of one node from outside: whether it still speaks, and whether it gets on.
#pragma once

#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>

#include "absl/time/time.h"
#include "coordinator/transfer/node_stream.h"

namespace lighter {

// Thread-safe. Lasts for all attempts on a node; an attempt lasts from Begin to End.
class NodeWatch {
 public:
  // `stream` is what Cancel ends until End is called.
  void Begin(NodeStream* stream);
  void End();

  // The bytes that are to move in this attempt.
  void Needs(uint64_t bytes);
  void Heard(const v1::LoadReply& reply);
  // Something that the node did not say, such as our own turn being over.
  void HeardNow();
  // At the gate a node waits for others, however long they take: nothing is expected of it until
  // HeardNow.
  void ExpectNothing();
  void Advance();

  // Whether this attempt came further than all before: fewer bytes or layers were left than ever,
  // or Advance was called. What an attempt does over again is no advance.
  bool advanced() const;

  void Cancel();
  // Cancels the attempt when nothing was heard for longer than `limit`; `silent` then.
  void CancelIfSilent(absl::Duration limit);
  bool silent() const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  NodeStream* stream_ = nullptr;
  absl::Time last_news_ = absl::InfiniteFuture();
  bool silent_ = false;
  bool advanced_ = false;
  std::optional<uint64_t> to_move_;
  uint64_t least_bytes_ = std::numeric_limits<uint64_t>::max();
  uint32_t least_layers_ = std::numeric_limits<uint32_t>::max();
};

}  // namespace lighter
