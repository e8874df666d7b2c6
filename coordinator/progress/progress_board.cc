#include "coordinator/progress/progress_board.h"

namespace lighter {

const char* PhaseName(NodePhase phase) {
  switch (phase) {
    case NodePhase::kWaiting:
      return "waiting";
    case NodePhase::kConnecting:
      return "connecting";
    case NodePhase::kSending:
      return "sending";
    case NodePhase::kUnpacking:
      return "unpacking";
    case NodePhase::kStaged:
      return "staged";
    case NodePhase::kNaming:
      return "naming";
    case NodePhase::kProven:
      return "proven";
    case NodePhase::kStopped:
      return "stopped";
    case NodePhase::kFailed:
      return "failed";
  }
  return "unknown";
}

ProgressBoard::ProgressBoard(const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) {
    NodeProgress row;
    row.name = node;
    rows_.push_back(std::move(row));
  }
}

void ProgressBoard::Update(size_t node, const std::function<void(NodeProgress&)>& change) {
  const std::lock_guard lock(mutex_);
  change(rows_[node]);
}

std::vector<NodeProgress> ProgressBoard::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return rows_;
}

}  // namespace lighter
