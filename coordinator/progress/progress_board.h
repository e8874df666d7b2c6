// What every node is doing now: written by the load's threads, read by the display.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace lighter {

enum class NodePhase {
  kWaiting,
  kConnecting,
  kSending,
  kUnpacking,
  kStaged,
  kNaming,
  kProven,
  kStopped,  // on request
  kFailed
};

// One word for people and for JSON: "sending".
const char* PhaseName(NodePhase phase);

struct NodeProgress {
  std::string name;
  NodePhase phase = NodePhase::kWaiting;
  uint64_t present_bytes = 0;  // already on the node, not moved
  uint64_t total_bytes = 0;    // to move
  uint64_t done_bytes = 0;     // of total_bytes, stored by containerd
  uint32_t layers_done = 0;
  uint32_t layers_total = 0;  // to unpack
  std::string step;           // what the agent does now, or why the node failed
};

// Thread-safe.
class ProgressBoard {
 public:
  explicit ProgressBoard(const std::vector<std::string>& nodes);

  // Calls `change` with the node's row under the lock; it must not block.
  void Update(size_t node, const std::function<void(NodeProgress&)>& change);
  std::vector<NodeProgress> Snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::vector<NodeProgress> rows_;  // guarded by mutex_
};

}  // namespace lighter
