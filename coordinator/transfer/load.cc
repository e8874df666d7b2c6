#include "coordinator/transfer/load.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/transfer/node_stream.h"
#include "coordinator/transfer/node_watch.h"
#include "coordinator/transfer/publish_gate.h"

namespace lighter {
namespace {

constexpr absl::Duration kStopPoll = absl::Milliseconds(50);
constexpr absl::Duration kPutBackTimeout = absl::Seconds(60);

// Hashes the blobs that a node asked for, to tell a damaged package from a damaged ingest.
// Cancelled on a stop signal.
absl::Status VerifyBlobs(const LoadWork& work, const v1::Need& need) {
  std::string buffer(kMiB, '\0');
  for (const v1::BlobNeed& wanted : need.blobs()) {
    const auto it = work.blobs.find(wanted.digest());
    if (it == work.blobs.end()) continue;
    const BlobLocation& blob = it->second;
    Sha256 hasher;
    for (uint64_t done = 0; done < blob.size;) {
      if (StopRequested()) return absl::CancelledError("stopped");
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

// A proof of every name of `images`, with the config digest that the package has for it.
absl::Status CheckProofs(const std::vector<const v1::Image*>& images,
                         const std::vector<v1::Proof>& proofs) {
  absl::flat_hash_map<std::string, std::string> proven;
  for (const v1::Proof& proof : proofs) proven[proof.name()] = proof.config_digest();
  for (const v1::Image* image : images) {
    for (const std::string& name : image->names()) {
      const auto it = proven.find(name);
      if (it != proven.end() && it->second == image->config().digest()) continue;
      return absl::InternalError(absl::StrCat("the agent gave no proof that ", name, " is ",
                                              image->config().digest(), " on this node"));
    }
  }
  return absl::OkStatus();
}

// One load on all nodes: a thread a node runs RunNode, all share this.
class Load {
 public:
  Load(const LoadWork& work, const std::vector<NodeEndpoint>& nodes, ProgressBoard& board,
       const PackageVerdict& verdict, const LoadPatience& patience)
      : work_(work),
        nodes_(nodes),
        board_(board),
        verdict_(verdict),
        patience_(patience),
        gate_(nodes.size() + 1),
        watches_(nodes.size()) {}

  LoadOutcome Run();

 private:
  // What one node's thread keeps from attempt to attempt.
  struct NodeState {
    bool arrived = false;     // at the gate
    int attempts = 0;         // that got as far as the agent's answer to LoadStart
    bool staged = false;      // an attempt got as far as that
    bool sent_again = false;  // after an ingest of a sound package turned out to be damaged
  };

  void RunNode(size_t index, NodeOutcome& outcome);
  absl::Status Attempt(size_t index, NodeOutcome& outcome, NodeState& state);
  absl::Status StageFailed(const absl::Status& failure, const v1::Need& need, NodeState& state);
  bool MayReturn(const absl::Status& status, const NodeState& state) const;
  absl::Status CheckSource() const;
  void Arrive(NodeState& state);
  void OnReply(size_t index, const v1::LoadReply& reply);
  void SetPhase(size_t index, NodePhase phase, const std::string& step = "");
  bool ReportDamage(const absl::Status& damage);
  void CancelAll();
  void AskForVerdict();
  void WatchUntil(const std::atomic<bool>& finished);
  absl::Status PutBack(size_t index);

  const LoadWork& work_;
  const std::vector<NodeEndpoint>& nodes_;
  ProgressBoard& board_;
  const PackageVerdict& verdict_;
  const LoadPatience patience_;
  PublishGate gate_;                // for the nodes and the verdict
  bool has_verdict_ = false;        // of the watching thread
  std::vector<NodeWatch> watches_;  // one a node
  std::mutex mutex_;
  absl::Status package_;  // guarded by mutex_
};

void Load::SetPhase(size_t index, NodePhase phase, const std::string& step) {
  board_.Update(index, [&](NodeProgress& row) {
    row.phase = phase;
    row.step = step;
  });
}

void Load::OnReply(size_t index, const v1::LoadReply& reply) {
  watches_[index].Heard(reply);
  if (!reply.has_progress()) return;
  const v1::Progress& progress = reply.progress();
  board_.Update(index, [&](NodeProgress& row) {
    row.done_bytes = std::min(row.total_bytes, progress.stored_bytes());
    row.layers_done = progress.layers_unpacked();
    row.layers_total = progress.layers_to_unpack();
    // At the gate the row says what the node waits for.
    if (row.phase != NodePhase::kStaged) row.step = progress.step();
    const bool all_stored = row.done_bytes == row.total_bytes;
    if (row.phase == NodePhase::kSending && all_stored) row.phase = NodePhase::kUnpacking;
  });
}

// False where nodes were told to create names already: then it is too late to put anything back,
// and the damage concerns only the node where it came out.
bool Load::ReportDamage(const absl::Status& damage) {
  if (!gate_.Abandon()) return false;
  {
    const std::lock_guard lock(mutex_);
    if (package_.ok()) package_ = damage;
  }
  CancelAll();
  return true;
}

void Load::CancelAll() {
  for (NodeWatch& watch : watches_) watch.Cancel();
}

// A cancelled verdict leaves the gate closed: the run is being stopped, what came stays.
void Load::AskForVerdict() {
  const std::optional<absl::Status> verdict = verdict_();
  if (!verdict.has_value() || absl::IsCancelled(*verdict)) return;
  has_verdict_ = true;
  if (verdict->ok()) {
    gate_.Arrive();
  } else {
    ReportDamage(*verdict);
  }
}

void Load::WatchUntil(const std::atomic<bool>& finished) {
  while (!finished) {
    if (StopRequested()) CancelAll();
    if (!has_verdict_) AskForVerdict();
    for (NodeWatch& watch : watches_) watch.CancelIfSilent(patience_.silence);
    absl::SleepFor(kStopPoll);
  }
}

void Load::Arrive(NodeState& state) {
  if (!std::exchange(state.arrived, true)) gate_.Arrive();
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

// What is wrong with the package itself ends the load everywhere; what only one node gets wrong
// does not. InvalidArgument: what the package says of its layers is not so. DataLoss: bytes came
// that are not what their digest says. Then either the package is damaged, or what lay on the node
// from an earlier run was, and goes again, once, or the node damages what it gets.
absl::Status Load::StageFailed(const absl::Status& failure, const v1::Need& need,
                               NodeState& state) {
  absl::Status blame;
  if (absl::IsInvalidArgument(failure)) {
    blame = Annotate(failure, "the package contradicts itself");
  } else if (absl::IsDataLoss(failure)) {
    blame = VerifyBlobs(work_, need);
    if (absl::IsCancelled(blame)) return blame;
    if (blame.ok() && !std::exchange(state.sent_again, true)) {
      return absl::UnavailableError(Message(failure));
    }
    if (blame.ok()) {
      return Annotate(failure,
                      "the package is sound, but twice its bytes came to harm on the way onto this "
                      "node's disk; look at its network, memory and disk");
    }
  } else {
    return failure;
  }
  return ReportDamage(blame) ? failure : blame;
}

absl::Status Load::Attempt(size_t index, NodeOutcome& outcome, NodeState& state) {
  NodeWatch& watch = watches_[index];
  NodeStream stream(work_, nodes_[index],
                    [&](const v1::LoadReply& reply) { OnReply(index, reply); });
  watch.Begin(&stream);
  auto end_watch = absl::MakeCleanup([&] { watch.End(); });
  if (StopRequested() || gate_.abandoned()) return absl::CancelledError("stopped");

  ASSIGN_OR_RETURN(const v1::Need need, stream.Start());
  ++state.attempts;
  uint64_t total = 0;
  for (const v1::BlobNeed& blob : need.blobs()) {
    total += blob.size() - std::min(blob.offset(), blob.size());
  }
  watch.Needs(total);
  SetPhase(index, NodePhase::kSending);
  board_.Update(index, [&](NodeProgress& row) {
    row.total_bytes = total;
    row.done_bytes = 0;
  });
  const absl::Status staged = stream.Stage();
  outcome.moved_bytes += stream.sent_bytes();
  if (!staged.ok()) {
    watch.End();  // verifying a large package takes its time
    return StageFailed(staged, need, state);
  }
  if (!std::exchange(state.staged, true)) watch.Advance();
  watch.ExpectNothing();
  SetPhase(index, NodePhase::kStaged, kWaitsForNodes);
  if (const absl::Status source = CheckSource(); !source.ok() && !ReportDamage(source)) {
    return absl::DataLossError(Message(source));
  }
  Arrive(state);
  std::optional<v1::Finish::Action> action;
  while (!(action = gate_.Wait(kStopPoll)).has_value()) {
    if (StopRequested()) return absl::CancelledError("stopped");
    if (stream.Ended()) return stream.Close();
  }
  watch.HeardNow();
  SetPhase(index, NodePhase::kNaming);
  ASSIGN_OR_RETURN(outcome.proofs, stream.Finish(*action));
  if (*action == v1::Finish::ABANDON) return absl::AbortedError("put back, the package is damaged");
  return CheckProofs(ImagesFor(work_.images, nodes_[index]), outcome.proofs);
}

// A node that went away may come back; so may one whose agent has not yet noticed that our last
// stream broke, and still counts it as a load at work.
bool Load::MayReturn(const absl::Status& status, const NodeState& state) const {
  if (gate_.abandoned() || StopRequested()) return false;
  return absl::IsUnavailable(status) || absl::IsAborted(status) ||
         (state.attempts > 0 && absl::IsFailedPrecondition(status));
}

void Load::RunNode(size_t index, NodeOutcome& outcome) {
  NodeState state;
  absl::Time give_up = absl::Now() + patience_.to_return;
  while (true) {
    SetPhase(index, NodePhase::kConnecting);
    outcome.status = Attempt(index, outcome, state);
    if (!outcome.status.ok() && watches_[index].silent()) {
      outcome.status = absl::DeadlineExceededError(absl::StrCat(
          "nothing was heard from this node for ", absl::FormatDuration(patience_.silence),
          ": its agent or its containerd hangs; look at both, and run the same command again"));
    }
    // Only what came further earns more time, or a failure that repeats itself would never end.
    if (watches_[index].advanced()) give_up = absl::Now() + patience_.to_return;
    if (!MayReturn(outcome.status, state) || absl::Now() > give_up) break;
    if (state.attempts >= patience_.attempts) {
      outcome.status =
          Annotate(outcome.status, absl::StrCat("given up after ", state.attempts, " attempts"));
      break;
    }
    SetPhase(index, NodePhase::kConnecting,
             "waiting for the node to come back: " + Message(outcome.status));
    absl::SleepFor(patience_.between_attempts);
  }
  Arrive(state);
  if (outcome.status.ok()) {
    SetPhase(index, NodePhase::kProven);
  } else if (absl::IsCancelled(outcome.status) && StopRequested()) {
    outcome.status = absl::CancelledError("stopped on request");
    SetPhase(index, NodePhase::kStopped);
  } else {
    SetPhase(index, NodePhase::kFailed, Message(outcome.status));
  }
}

// A load of nothing that is abandoned: the agent drops what broken loads left under its lease.
absl::Status Load::PutBack(size_t index) {
  const LoadWork nothing = {.run_id = work_.run_id};
  NodeStream stream(
      nothing, nodes_[index], [](const v1::LoadReply&) {}, absl::Now() + kPutBackTimeout);
  RETURN_IF_ERROR(stream.Start().status());
  return stream.Finish(v1::Finish::ABANDON).status();
}

LoadOutcome Load::Run() {
  LoadOutcome outcome;
  outcome.nodes.resize(nodes_.size());
  const auto on_all_nodes = [&](const std::function<void(size_t)>& run) {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < nodes_.size(); ++i) threads.emplace_back([&run, i] { run(i); });
    for (std::thread& thread : threads) thread.join();
  };
  std::atomic<bool> finished{false};
  std::thread watcher([&] { WatchUntil(finished); });
  on_all_nodes([&](size_t i) {
    outcome.nodes[i].node = nodes_[i].name;
    RunNode(i, outcome.nodes[i]);
  });
  finished = true;
  watcher.join();
  {
    const std::lock_guard lock(mutex_);
    outcome.package = package_;
  }
  if (outcome.package.ok()) return outcome;
  on_all_nodes([&](size_t i) {
    outcome.nodes[i].put_back = PutBack(i);
    const bool clean = outcome.nodes[i].put_back.ok();
    SetPhase(i, NodePhase::kFailed,
             clean ? "put back" : "not put back: " + Message(outcome.nodes[i].put_back));
  });
  return outcome;
}

}  // namespace

std::vector<const v1::Image*> ImagesFor(const std::vector<v1::Image>& images,
                                        const NodeEndpoint& node) {
  std::vector<const v1::Image*> found;
  for (const v1::Image& image : images) {
    if (!node.spared.contains(image.manifest_digest())) found.push_back(&image);
  }
  return found;
}

bool LoadOutcome::AllProven() const {
  if (!package.ok()) return false;
  for (const NodeOutcome& node : nodes) {
    if (!node.status.ok()) return false;
  }
  return true;
}

LoadOutcome RunLoad(const LoadWork& work, const std::vector<NodeEndpoint>& nodes,
                    ProgressBoard& board, const PackageVerdict& verdict,
                    const LoadPatience& patience) {
  return Load(work, nodes, board, verdict, patience).Run();
}

}  // namespace lighter
