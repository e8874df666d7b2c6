#include "coordinator/transfer/load.h"

#include <atomic>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/transfer/node_stream.h"
#include "coordinator/transfer/publish_gate.h"

namespace lighter {
namespace {

// How long a node whose agent or containerd went away in mid-load may take to come back. A crashed
// pod is restarted by its kubelet after 10 s, then 20 s.
constexpr absl::Duration kReturnWindow = absl::Seconds(60);
constexpr absl::Duration kRetryPause = absl::Seconds(1);
constexpr absl::Duration kStopPoll = absl::Milliseconds(50);
constexpr absl::Duration kPingEvery = absl::Seconds(30);

// Hashes what was sent of the blobs a node asked for, to tell a damaged package from a bad wire.
absl::Status VerifyBlobs(const LoadWork& work, const v1::Need& need) {
  std::string buffer(kMiB, '\0');
  for (const v1::BlobNeed& wanted : need.blobs()) {
    const auto it = work.blobs.find(wanted.digest());
    if (it == work.blobs.end()) continue;
    const BlobLocation& blob = it->second;
    Sha256 hasher;
    for (uint64_t done = 0; done < blob.size;) {
      const uint64_t size = std::min<uint64_t>(buffer.size(), blob.size - done);
      RETURN_IF_ERROR(
          Annotate(blob.file->ReadAt(blob.offset + done, buffer.data(), size), blob.entry));
      hasher.Update(std::string_view(buffer).substr(0, size));
      done += size;
    }
    if (const std::string actual = hasher.Finish().str(); actual != wanted.digest()) {
      return absl::DataLossError(
          absl::StrCat(blob.file->path(), ": ", blob.entry, " at byte ", blob.offset,
                       ": its content is ", actual, ", expected ", wanted.digest(),
                       "; the package is damaged: copy it again from its source"));
    }
  }
  return absl::OkStatus();
}

// One load on all nodes; the threads of NodeThread share it.
class Load {
 public:
  Load(const LoadWork& work, const std::vector<NodeEndpoint>& nodes, ProgressBoard& board)
      : work_(work), nodes_(nodes), board_(board), gate_(nodes.size()), streams_(nodes.size()) {}

  LoadOutcome Run();

 private:
  void RunNode(size_t index, NodeOutcome& outcome);
  absl::Status Attempt(size_t index, NodeOutcome& outcome, const std::function<void()>& arrive);
  absl::Status CheckSource() const;
  void OnProgress(size_t index, const v1::Progress& progress);
  void SetPhase(size_t index, NodePhase phase, const std::string& step = "");
  void ReportDamage(const absl::Status& damage);
  void CancelAll();
  void AbandonNode(size_t index);

  const LoadWork& work_;
  const std::vector<NodeEndpoint>& nodes_;
  ProgressBoard& board_;
  PublishGate gate_;
  absl::Mutex mutex_;
  std::vector<NodeStream*> streams_ ABSL_GUARDED_BY(mutex_);  // of the running attempts
  absl::Status package_ ABSL_GUARDED_BY(mutex_);
};

void Load::SetPhase(size_t index, NodePhase phase, const std::string& step) {
  board_.Update(index, [&](NodeProgress& row) {
    row.phase = phase;
    row.step = step;
  });
}

void Load::OnProgress(size_t index, const v1::Progress& progress) {
  board_.Update(index, [&](NodeProgress& row) {
    row.done_bytes = std::min(row.total_bytes, progress.stored_bytes());
    row.layers_done = progress.layers_unpacked();
    row.layers_total = progress.layers_to_unpack();
    row.step = progress.step();
    const bool all_stored = row.done_bytes == row.total_bytes;
    if (row.phase == NodePhase::kSending && all_stored) row.phase = NodePhase::kUnpacking;
  });
}

void Load::ReportDamage(const absl::Status& damage) {
  {
    absl::MutexLock lock(&mutex_);
    if (package_.ok()) package_ = damage;
  }
  gate_.Abandon();
  CancelAll();
}

void Load::CancelAll() {
  absl::MutexLock lock(&mutex_);
  for (NodeStream* stream : streams_) {
    if (stream != nullptr) stream->Cancel();
  }
}

// The files are still those that were indexed; asked before names are created from them.
absl::Status Load::CheckSource() const {
  const ReadableFile* last = nullptr;
  for (const auto& [digest, blob] : work_.blobs) {
    if (blob.file.get() == last) continue;
    last = blob.file.get();
    RETURN_IF_ERROR(last->CheckUnchanged());
  }
  return absl::OkStatus();
}

absl::Status Load::Attempt(size_t index, NodeOutcome& outcome,
                           const std::function<void()>& arrive) {
  NodeStream stream(work_, *nodes_[index].stub,
                    [&](const v1::Progress& progress) { OnProgress(index, progress); });
  {
    absl::MutexLock lock(&mutex_);
    streams_[index] = &stream;
  }
  auto forget = absl::MakeCleanup([&] {
    absl::MutexLock lock(&mutex_);
    streams_[index] = nullptr;
  });
  if (StopRequested() || gate_.abandoned()) return absl::CancelledError("stopped");

  ASSIGN_OR_RETURN(const v1::Need need, stream.Start());
  uint64_t total = 0;
  for (const v1::BlobNeed& blob : need.blobs())
    total += blob.size() - std::min(blob.offset(), blob.size());
  board_.Update(index, [&](NodeProgress& row) {
    row.phase = NodePhase::kSending;
    row.total_bytes = total;
    row.done_bytes = 0;
  });
  const absl::Status staged = stream.Stage();
  outcome.moved_bytes += stream.sent_bytes();
  if (!staged.ok()) {
    const bool transport = absl::IsUnavailable(staged) || absl::IsCancelled(staged);
    if (!transport) {
      if (const absl::Status damage = VerifyBlobs(work_, need); !damage.ok()) {
        ReportDamage(damage);
      }
    }
    return staged;
  }
  SetPhase(index, NodePhase::kStaged, "waiting for the other nodes");
  if (const absl::Status source = CheckSource(); !source.ok()) ReportDamage(source);
  arrive();
  std::optional<v1::Finish::Action> action;
  absl::Time next_ping = absl::Now() + kPingEvery;
  while (!(action = gate_.Wait(kStopPoll)).has_value()) {
    if (StopRequested()) return absl::CancelledError("stopped");
    if (absl::Now() < next_ping) continue;
    if (!stream.Ping()) return stream.Finish(v1::Finish::ABANDON).status();
    next_ping = absl::Now() + kPingEvery;
  }
  SetPhase(index, NodePhase::kNaming);
  ASSIGN_OR_RETURN(outcome.proofs, stream.Finish(*action));
  return absl::OkStatus();
}

void Load::RunNode(size_t index, NodeOutcome& outcome) {
  bool arrived = false;
  const auto arrive = [&] {
    if (!std::exchange(arrived, true)) gate_.Arrive();
  };
  absl::Time give_up = absl::Now() + kReturnWindow;
  while (true) {
    SetPhase(index, NodePhase::kConnecting);
    const uint64_t moved_before = outcome.moved_bytes;
    outcome.status = Attempt(index, outcome, arrive);
    if (outcome.moved_bytes > moved_before) give_up = absl::Now() + kReturnWindow;
    const bool may_return = absl::IsUnavailable(outcome.status) && !gate_.abandoned();
    if (!may_return || StopRequested() || absl::Now() > give_up) break;
    SetPhase(index, NodePhase::kConnecting,
             "waiting for the node to come back: " + Message(outcome.status));
    absl::SleepFor(kRetryPause);
  }
  arrive();
  if (outcome.status.ok()) {
    SetPhase(index, NodePhase::kProven);
  } else {
    SetPhase(index, NodePhase::kFailed, Message(outcome.status));
  }
}

// Puts one node back to what it was: a load that asks for the same images and abandons them.
void Load::AbandonNode(size_t index) {
  NodeStream stream(work_, *nodes_[index].stub, [](const v1::Progress&) {});
  absl::Status status = stream.Start().status();
  if (status.ok()) status = stream.Finish(v1::Finish::ABANDON).status();
  const std::string step = status.ok() ? "put back: nothing of this load is left on the node"
                                       : "could not be put back: " + Message(status);
  SetPhase(index, NodePhase::kFailed, step);
}

LoadOutcome Load::Run() {
  LoadOutcome outcome;
  outcome.nodes.resize(nodes_.size());
  std::atomic<bool> finished{false};
  std::thread stopper([&] {
    while (!finished) {
      if (StopRequested()) CancelAll();
      absl::SleepFor(kStopPoll);
    }
  });
  std::vector<std::thread> threads;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    outcome.nodes[i].node = nodes_[i].name;
    threads.emplace_back([this, i, &outcome] { RunNode(i, outcome.nodes[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  finished = true;
  stopper.join();

  {
    absl::MutexLock lock(&mutex_);
    outcome.package = package_;
  }
  if (!outcome.package.ok()) {
    for (size_t i = 0; i < nodes_.size(); ++i) AbandonNode(i);
  }
  return outcome;
}

}  // namespace

bool LoadOutcome::AllProven() const {
  if (!package.ok()) return false;
  for (const NodeOutcome& node : nodes) {
    if (!node.status.ok()) return false;
  }
  return true;
}

LoadOutcome RunLoad(const LoadWork& work, const std::vector<NodeEndpoint>& nodes,
                    ProgressBoard& board) {
  return Load(work, nodes, board).Run();
}

}  // namespace lighter
