#include "agent/load_session.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/image_publisher.h"
#include "agent/ingest.h"
#include "agent/load_lease.h"
#include "agent/stored_blob.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

// Between Staged and Finish it waits for other nodes; well below the lease's life.
constexpr absl::Duration kFinishTimeout = absl::Hours(12);
constexpr int kMaxLooks = 5;
constexpr size_t kImagesHexDigits = 12;
// How often a session looks around while nothing comes.
constexpr absl::Duration kPollInterval = absl::Milliseconds(100);
// What a pull of the kubelet that is going on may still take.
constexpr absl::Duration kPullTimeout = absl::Seconds(30);

// What `lighter-agent` shows of a coordinator's own words.
std::string Shown(const std::string& text) {
  return text.empty() ? "an unnamed coordinator" : absl::CHexEscape(text.substr(0, 100));
}

bool AllProven(const std::vector<NameProof>& proofs) {
  return std::all_of(proofs.begin(), proofs.end(), [](const NameProof& p) { return p.proven; });
}

Labels ManifestLabels(const CheckedImage& image) {
  Labels labels{{"containerd.io/gc.ref.content.config", image.config.digest.str()}};
  for (size_t i = 0; i < image.layers.size(); ++i) {
    labels[absl::StrCat("containerd.io/gc.ref.content.l.", i)] = image.layers[i].blob.digest.str();
  }
  return labels;
}

// The labels of `wanted` that `present` lacks.
Labels Missing(const Labels& wanted, const Labels& present) {
  Labels missing;
  for (const auto& [key, value] : wanted) {
    const auto found = present.find(key);
    if (found == present.end() || found->second != value) missing[key] = value;
  }
  return missing;
}

}  // namespace

LoadSession::LoadSession(const Containerd& containerd, LoadGate* gate, LoadStream* stream,
                         const LoadTimes& times, const LoadRules& rules)
    : base_(containerd),
      gate_(gate),
      stream_(stream),
      times_(times),
      rules_(rules),
      progress_(stream, times.heartbeat),
      began_(absl::Now()),
      work_(containerd) {}

absl::Status LoadSession::Run() {
  ASSIGN_OR_RETURN(const v1::LoadStart start, ReceiveStart());
  who_ = absl::StrCat(Shown(start.origin()), " (run ", Shown(start.run_id()), ")");
  ASSIGN_OR_RETURN(images_, CheckImages(start.images()));
  ASSIGN_OR_RETURN(const auto pass, gate_->Enter(who_, stream_->calls()));
  work_ = base_.Scoped({"", &stream_->calls()});
  const absl::Status status = Serve();
  EndWork();
  return absl::IsResourceExhausted(status) ? MakeRoom(status) : status;
}

// A full disk harms everything on the node, and this load cannot end well without more space.
absl::Status LoadSession::MakeRoom(const absl::Status& full) {
  const std::string named =
      naming_ ? "; the names that it had created by then stay, with what they need" : "";
  const std::string what = naming_ ? "what else loads like this one had brought"
                                   : "what loads like this one had brought";
  const absl::Status dropped = DropLeases(base_, rules_.lease_prefix);
  return absl::ResourceExhaustedError(absl::StrCat(
      full.message(), named,
      dropped.ok() ? absl::StrCat("; ", what, " was removed again")
                   : absl::StrCat("; removing ", what, " failed, too: ", dropped.message())));
}

std::string LoadSession::Summary(const absl::Status& status) const {
  const std::string result = !status.ok() ? "failed: " + Message(status)
                             : action_ == v1::Finish::ABANDON
                                 ? "was abandoned, the node is as before"
                                 : "proved every name";
  return absl::StrCat(
      "load by ", who_.empty() ? "a coordinator" : who_, " of ", images_.size(), " images ", result,
      "; ", received_bytes_, " bytes came in ",
      absl::FormatDuration(absl::Trunc(absl::Now() - began_, absl::Milliseconds(1))));
}

absl::StatusOr<v1::LoadStart> LoadSession::ReceiveStart() {
  const absl::Time until = absl::Now() + times_.idle;
  while (absl::Now() < until) {
    ASSIGN_OR_RETURN(const std::unique_ptr<v1::LoadRequest> request, stream_->Receive(until));
    if (request == nullptr) continue;
    if (!request->has_start()) {
      return absl::InvalidArgumentError("the first message of a load must be LoadStart");
    }
    return std::move(*request->mutable_start());
  }
  return absl::DeadlineExceededError("no LoadStart came");
}

absl::Status LoadSession::Serve() {
  ASSIGN_OR_RETURN(snapshotter_, work_.Snapshotter());
  ASSIGN_OR_RETURN(Lack lack, Prepare());
  RETURN_IF_ERROR(SendNeed(lack));

  std::set<Digest> awaited;
  for (const MissingBlob& blob : lack.blobs) awaited.insert(blob.target.blob.digest);
  steps_ = lack.steps.size();
  unpacker_ = std::make_unique<Unpacker>(work_, base_, snapshotter_, std::move(lack.steps),
                                         std::move(awaited), [this] { stream_->Wake(); });
  receiver_ = std::make_unique<BlobReceiver>(
      work_, std::move(lack.blobs),
      [this](const BlobTarget& target) { return BlobStored(target); });
  RETURN_IF_ERROR(receiver_->Begin());

  ASSIGN_OR_RETURN(action_, Transfer());
  return action_ == v1::Finish::PUBLISH ? Publish() : Abandon();
}

// Of the leases that this load takes over and ends.
std::string LoadSession::LeasePrefix() const {
  std::string prefix(rules_.lease_prefix);
  if (!rules_.lease_by_images) return prefix;
  std::string images;
  for (const CheckedImage& image : images_) absl::StrAppend(&images, image.target.digest.str());
  return absl::StrCat(prefix, Digest::Of(images).hex().substr(0, kImagesHexDigits), "-");
}

absl::StatusOr<Lack> LoadSession::Prepare() {
  for (const CheckedImage& image : images_) {
    progress_.Report(Doing("look for " + image.label));
    ASSIGN_OR_RETURN(std::vector<NameProof> proofs, LookAtNames(work_, snapshotter_, image));
    if (!AllProven(proofs)) todo_.push_back(&image);
    found_.push_back(std::move(proofs));
  }
  if (todo_.empty()) return Lack();

  progress_.Report(Doing("take over what is there"));
  ASSIGN_OR_RETURN(const std::string lease, TakeLease(work_, LeasePrefix()));
  work_ = base_.Scoped({lease, &stream_->calls()});
  for (const CheckedImage* image : todo_) {
    progress_.Report(Doing("store the manifest of " + image->label));
    RETURN_IF_ERROR(StoreManifest(*image));
  }
  ASSIGN_OR_RETURN(Lack lack, FindAndHoldLack(lease));
  for (const MissingBlob& blob : lack.blobs) {
    if (!blob.start_over) continue;
    RETURN_IF_ERROR(DropIngest(work_, blob.target.ref(), absl::Now() + kPullTimeout));
  }
  RETURN_IF_ERROR(TakeOverConfigs(lack));
  return lack;
}

// What was there when we looked may be collected before our lease holds it, so we look again after.
absl::StatusOr<Lack> LoadSession::FindAndHoldLack(const std::string& lease) {
  for (int i = 0; i < kMaxLooks; ++i) {
    ASSIGN_OR_RETURN(Lack lack, FindLack(work_, snapshotter_, todo_));
    bool held = true;
    for (const Digest& base : lack.bases) {
      RETURN_IF_ERROR(work_.AddToLease(lease, {base.str(), "snapshots/" + snapshotter_}));
      ASSIGN_OR_RETURN(const bool present, work_.HasSnapshot(snapshotter_, base));
      held = held && present;
    }
    if (held) return lack;
  }
  return absl::AbortedError("snapshots of these images keep going away on this node");
}

absl::Status LoadSession::StoreManifest(const CheckedImage& image) {
  const BlobTarget target{BlobKind::kManifest, image.target, ManifestLabels(image), image.label};
  // Also where it exists: that adds it to our lease, and with it all that its labels point to.
  RETURN_IF_ERROR(PutBlob(work_, target, image.manifest));
  ASSIGN_OR_RETURN(const auto present, work_.FindBlob(image.target.digest));
  const Labels missing = Missing(target.labels, present.value_or(Labels()));
  return missing.empty() ? absl::OkStatus() : work_.MergeLabels(image.target.digest, missing);
}

// Configs that were there already: the snapshots must be held by them, too, and they must fit.
absl::Status LoadSession::TakeOverConfigs(const Lack& lack) {
  std::set<Digest> to_come;
  for (const MissingBlob& blob : lack.blobs) to_come.insert(blob.target.blob.digest);
  for (const CheckedImage* image : todo_) {
    const Digest& config = image->config.digest;
    if (to_come.contains(config)) continue;
    RETURN_IF_ERROR(CheckStoredBlob(work_, config, "config of image " + image->label));
    ASSIGN_OR_RETURN(const std::string bytes, work_.ReadBlob(config, kMaxConfigBytes));
    RETURN_IF_ERROR(CheckConfig(*image, bytes));
    if (!image->top_chain_id().has_value()) continue;
    ASSIGN_OR_RETURN(const auto labels, work_.FindBlob(config));
    const Labels missing = Missing({{SnapshotRefLabel(snapshotter_), image->top_chain_id()->str()}},
                                   labels.value_or(Labels()));
    if (!missing.empty()) RETURN_IF_ERROR(work_.MergeLabels(config, missing));
  }
  return absl::OkStatus();
}

absl::Status LoadSession::SendNeed(const Lack& lack) {
  v1::LoadReply reply;
  for (const MissingBlob& blob : lack.blobs) {
    v1::BlobNeed* const need = reply.mutable_need()->add_blobs();
    need->set_digest(blob.target.blob.digest.str());
    need->set_size(blob.target.blob.size);
    need->set_offset(blob.offset);
  }
  reply.mutable_need();
  return stream_->Send(std::move(reply));
}

absl::Status LoadSession::BlobStored(const BlobTarget& target) {
  if (target.kind == BlobKind::kConfig) {
    ASSIGN_OR_RETURN(const std::string bytes, work_.ReadBlob(target.blob.digest, kMaxConfigBytes));
    for (const CheckedImage* image : todo_) {
      if (image->config.digest == target.blob.digest) RETURN_IF_ERROR(CheckConfig(*image, bytes));
    }
  }
  unpacker_->BlobLanded(target.blob.digest);
  return absl::OkStatus();
}

absl::StatusOr<v1::Finish::Action> LoadSession::Transfer() {
  last_message_ = absl::Now();
  while (true) {
    RETURN_IF_ERROR(unpacker_->state().status);
    RETURN_IF_ERROR(SendStagedWhenReady());
    progress_.Report(Doing(CurrentStep()));
    RETURN_IF_ERROR(CheckIdle());
    ASSIGN_OR_RETURN(const std::unique_ptr<v1::LoadRequest> request,
                     stream_->Receive(absl::Now() + kPollInterval));
    if (request == nullptr) continue;
    if (request->has_chunk()) {
      RETURN_IF_ERROR(receiver_->Accept(std::move(*request->mutable_chunk())));
      // Not before: what containerd takes its time for is no silence of the coordinator.
      last_message_ = absl::Now();
      continue;
    }
    const v1::Finish::Action action = request->finish().action();
    if (action == v1::Finish::ABANDON) return action;
    if (action == v1::Finish::PUBLISH && staged_) return action;
    if (action == v1::Finish::PUBLISH) {
      return absl::InvalidArgumentError("PUBLISH came before everything was staged");
    }
    return absl::InvalidArgumentError("a message came that is neither a chunk nor a Finish");
  }
}

absl::Status LoadSession::CheckIdle() const {
  const absl::Duration silence = absl::Now() - last_message_;
  if (staged_ && silence > kFinishTimeout) {
    return absl::DeadlineExceededError(absl::StrCat(
        "the coordinator did not finish the load within ", absl::FormatDuration(kFinishTimeout)));
  }
  if (!receiver_->complete() && silence > times_.idle) {
    return absl::DeadlineExceededError(absl::StrCat("the coordinator sent nothing for ",
                                                    absl::FormatDuration(times_.idle), " while ",
                                                    receiver_->current().what(), " was due"));
  }
  return absl::OkStatus();
}

absl::Status LoadSession::SendStagedWhenReady() {
  if (staged_ || !receiver_->complete() || !unpacker_->state().finished) return absl::OkStatus();
  staged_ = true;
  RETURN_IF_ERROR(progress_.Send(Doing(CurrentStep())));
  last_message_ = absl::Now();
  v1::LoadReply reply;
  reply.mutable_staged();
  return stream_->Send(std::move(reply));
}

std::string LoadSession::CurrentStep() const {
  if (staged_) return "staged";
  if (std::string step = unpacker_->state().step; !step.empty()) return step;
  return receiver_->complete() ? "" : "store " + receiver_->current().what();
}

v1::Progress LoadSession::Doing(const std::string& step) const {
  v1::Progress progress;
  if (receiver_ != nullptr) progress.set_stored_bytes(receiver_->received_bytes());
  if (unpacker_ != nullptr) {
    progress.set_layers_unpacked(static_cast<uint32_t>(unpacker_->state().done));
    progress.set_layers_to_unpack(static_cast<uint32_t>(steps_));
  }
  progress.set_step(step);
  return progress;
}

absl::Status LoadSession::Publish() {
  for (size_t i = 0; i < images_.size(); ++i) {
    for (size_t k = 0; k < images_[i].names.size(); ++k) {
      if (found_[i][k].proven) continue;
      progress_.Report(Doing("create " + images_[i].names[k].str()));
      naming_ = true;
      RETURN_IF_ERROR(PublishName(work_, images_[i], images_[i].names[k], rules_));
    }
  }
  for (size_t i = 0; i < images_.size(); ++i) {
    for (size_t k = 0; k < images_[i].names.size(); ++k) {
      const std::string name = images_[i].names[k].str();
      progress_.Report(Doing("prove " + name));
      ASSIGN_OR_RETURN(const NameProof proof, AwaitProof(work_, snapshotter_, images_[i], name));
      v1::LoadReply reply;
      reply.mutable_proof()->set_name(name);
      reply.mutable_proof()->set_config_digest(proof.config_digest);
      if (const auto top = images_[i].top_chain_id(); top.has_value()) {
        reply.mutable_proof()->set_top_chain_id(top->str());
      }
      reply.mutable_proof()->set_changed(!found_[i][k].proven);
      RETURN_IF_ERROR(stream_->Send(std::move(reply)));
    }
  }
  EndWork();
  RETURN_IF_ERROR(Annotate(DropLeases(base_, LeasePrefix()), "the names are in place and proven"));
  v1::LoadReply reply;
  reply.mutable_done()->set_received_bytes(received_bytes_);
  return stream_->Send(std::move(reply));
}

// Ends the write and the step that are running, so that nothing is added any more.
void LoadSession::EndWork() {
  stream_->calls().Cancel();
  if (receiver_ != nullptr) received_bytes_ = receiver_->received_bytes();
  receiver_ = nullptr;
  unpacker_ = nullptr;
}

absl::Status LoadSession::Abandon() {
  EndWork();
  RETURN_IF_ERROR(DropLeases(base_, LeasePrefix()));
  v1::LoadReply reply;
  reply.mutable_done()->set_received_bytes(received_bytes_);
  return stream_->Send(std::move(reply));
}

}  // namespace lighter
