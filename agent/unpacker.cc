#include "agent/unpacker.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/stored_blob.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr int kMaxTries = 3;

// The active snapshot of a step. One load at a time works on a node, so what lies under this key is
// left over from a process that was killed.
std::string ExtractKey(const UnpackStep& step) {
  return "lighter-extract " + step.layer.chain_id.str();
}

Labels SnapshotLabels(const UnpackStep& step) {
  return {{"containerd.io/snapshot.ref", step.layer.chain_id.str()}};
}

// containerd, killed between making a snapshot's folder and noting the snapshot, stumbles over that
// folder the next time, removes it and fails; the time after that it succeeds.
bool IsStaleFolder(const absl::Status& status) {
  return absl::StrContains(status.message(), "failed to rename") &&
         absl::StrContains(status.message(), "file exists");
}

// Docker names no media type for zstd; containerd's Apply knows only the OCI one.
Descriptor ForApply(Descriptor blob) {
  if (blob.media_type.ends_with("zstd")) blob.media_type = kOciLayerZstd;
  return blob;
}

std::string StepText(const UnpackStep& step) {
  return absl::StrCat("unpack layer ", step.number, "/", step.count, " of ", step.image);
}

}  // namespace

Unpacker::Unpacker(Containerd work, Containerd cleanup, std::string snapshotter,
                   std::vector<UnpackStep> steps, std::set<Digest> awaited,
                   std::function<void()> changed)
    : work_(std::move(work)),
      cleanup_(std::move(cleanup)),
      snapshotter_(std::move(snapshotter)),
      steps_(std::move(steps)),
      changed_(std::move(changed)),
      awaited_(std::move(awaited)),
      thread_([this] { Run(); }) {}

Unpacker::~Unpacker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  landed_.notify_all();
  thread_.join();
}

void Unpacker::BlobLanded(const Digest& digest) {
  {
    const std::lock_guard lock(mutex_);
    awaited_.erase(digest);
  }
  landed_.notify_all();
}

Unpacker::State Unpacker::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

bool Unpacker::AwaitBlob(const Digest& digest) {
  std::unique_lock lock(mutex_);
  landed_.wait(lock, [&] { return stopping_ || !awaited_.contains(digest); });
  return !stopping_;
}

void Unpacker::Run() {
  absl::Status status;
  for (const UnpackStep& step : steps_) {
    if (!AwaitBlob(step.layer.blob.digest)) {
      status = absl::CancelledError("stopped");
      break;
    }
    {
      const std::lock_guard lock(mutex_);
      state_.step = StepText(step);
    }
    changed_();
    status = Make(step);
    if (!status.ok()) break;
    {
      const std::lock_guard lock(mutex_);
      ++state_.done;
      state_.step.clear();
    }
    changed_();
  }
  {
    const std::lock_guard lock(mutex_);
    state_.finished = true;
    state_.status = status;
  }
  changed_();
}

absl::Status Unpacker::Make(const UnpackStep& step) {
  const std::string key = ExtractKey(step);
  const std::string parent = step.parent.has_value() ? step.parent->str() : std::string();
  absl::Status status;
  for (int i = 0; i < kMaxTries; ++i) {
    const absl::StatusOr<Containerd::Mounts> mounts =
        work_.PrepareSnapshot(snapshotter_, key, parent, SnapshotLabels(step));
    if (mounts.ok()) return Fill(step, key, *mounts);
    status = mounts.status();
    if (IsStaleFolder(status)) continue;
    if (status.code() != absl::StatusCode::kAlreadyExists) break;
    ASSIGN_OR_RETURN(const bool made, work_.HasSnapshot(snapshotter_, step.layer.chain_id));
    if (made) return absl::OkStatus();
    RETURN_IF_ERROR(work_.RemoveSnapshot(snapshotter_, key));
  }
  if (absl::IsNotFound(status) && step.parent.has_value()) {
    // Taken by somebody who does not look at leases; the next look makes it, too.
    status = absl::AbortedError(status.message());
  }
  return Annotate(status, StepText(step));
}

// What failed here is the package's fault only where the blob itself is sound: a layer that was on
// the node before this load was hashed when it came, and not since.
absl::Status Unpacker::Apply(const UnpackStep& step, const Containerd::Mounts& mounts) {
  const CheckedLayer& layer = step.layer;
  const absl::StatusOr<std::string> applied = work_.Apply(ForApply(layer.blob), mounts);
  if (applied.ok() && *applied == layer.diff_id.str()) return absl::OkStatus();
  if (absl::IsCancelled(applied.status()) || absl::IsUnavailable(applied.status()) ||
      absl::IsResourceExhausted(applied.status())) {
    return Annotate(applied.status(), StepText(step));
  }
  RETURN_IF_ERROR(CheckStoredBlob(work_, layer.blob.digest, "layer of image " + step.image));
  if (!applied.ok()) return Annotate(applied.status(), StepText(step));
  // The label was given on the config's word; an empty value takes it away.
  work_.MergeLabels(layer.blob.digest, {{"containerd.io/uncompressed", ""}}).IgnoreError();
  return absl::InvalidArgumentError(absl::StrCat(
      "layer ", layer.blob.digest.str(), " of image ", step.image, " unpacks to ", *applied,
      ", its config says diffID ", layer.diff_id.str(), "; the image is damaged"));
}

absl::Status Unpacker::Fill(const UnpackStep& step, const std::string& key,
                            const Containerd::Mounts& mounts) {
  auto remove =
      absl::MakeCleanup([&] { cleanup_.RemoveSnapshot(snapshotter_, key).IgnoreError(); });
  RETURN_IF_ERROR(Apply(step, mounts));
  const absl::Status status =
      work_.CommitSnapshot(snapshotter_, step.layer.chain_id.str(), key, SnapshotLabels(step));
  if (status.code() == absl::StatusCode::kAlreadyExists) return absl::OkStatus();
  if (!status.ok()) return Annotate(status, StepText(step));
  std::move(remove).Cancel();
  return absl::OkStatus();
}

}  // namespace lighter
