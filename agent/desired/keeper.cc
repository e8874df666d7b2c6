#include "agent/desired/keeper.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/checked_image.h"
#include "agent/desired/desired_image.h"
#include "agent/desired/hold.h"
#include "agent/desired/pins.h"
#include "agent/desired/self_load.h"
#include "agent/inventory.h"
#include "agent/load_lease.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

// A name that somebody deleted is back within 5 s.
constexpr std::chrono::seconds kLookInterval(2);
constexpr absl::Duration kFirstRetry = absl::Seconds(2);
constexpr absl::Duration kLastRetry = absl::Seconds(30);
// A full disk harms everything on the node, and what was brought is dropped again each time.
constexpr absl::Duration kFullDiskRetry = absl::Minutes(10);
constexpr std::chrono::seconds kBreakOffTimeout(15);

// 1.6.22 and 1.7.3 are the first that tell CRI's pinned label to the kubelet.
bool TellsPins(const std::string& version) {
  int major = 0;
  int minor = 0;
  int patch = 0;
  if (std::sscanf(version.c_str(), "%*[v]%d.%d.%d", &major, &minor, &patch) < 2 &&
      std::sscanf(version.c_str(), "%d.%d.%d", &major, &minor, &patch) < 2) {
    return false;
  }
  if (major != 1) return major > 1;
  return minor > 7 || (minor == 7 && patch >= 3) || (minor == 6 && patch >= 22);
}

using NamedDigests = std::map<std::string, Digest>;

NamedDigests NamesOf(const std::vector<ImageRecord>& records) {
  NamedDigests names;
  for (const ImageRecord& record : records) names.emplace(record.name, record.target.digest);
  return names;
}

// Whether a name of the image is not there at all.
bool LacksNames(const v1::DesiredImage& image, const NamedDigests& present) {
  return std::any_of(image.names().begin(), image.names().end(),
                     [&](const std::string& name) { return !present.contains(name); });
}

// The images with names that are not there, and only these names: the others may be elsewhere on
// purpose.
std::vector<v1::DesiredImage> MissingImages(const v1::Desired& desired,
                                            const NamedDigests& present) {
  std::vector<v1::DesiredImage> missing;
  for (const v1::DesiredImage& image : ImagesOf(desired)) {
    if (!LacksNames(image, present)) continue;
    v1::DesiredImage& added = missing.emplace_back(image);
    added.clear_names();
    for (const std::string& name : image.names()) {
      if (!present.contains(name)) added.add_names(name);
    }
  }
  return missing;
}

absl::StatusOr<std::string> ReadSmall(const Digest& digest, const FetchBlob& fetch) {
  std::string bytes;
  RETURN_IF_ERROR(fetch(digest, 0, [&](std::string_view part) -> absl::Status {
    bytes += part;
    if (bytes.size() <= kMaxConfigBytes) return absl::OkStatus();
    return absl::DataLossError("a config or manifest is too large");
  }));
  return bytes;
}

// What would have to be moved or unpacked for an image.
absl::StatusOr<Lack> LackOf(const Containerd& containerd, const v1::DesiredImage& desired) {
  ASSIGN_OR_RETURN(const CheckedImage image, StoredImage(containerd, desired));
  ASSIGN_OR_RETURN(const std::string snapshotter, containerd.Snapshotter());
  return FindLack(containerd, snapshotter, {&image});
}

// Leaves out what needs more than its names: room, other nodes.
void LeaveNamesOnly(const Containerd& containerd, std::vector<v1::DesiredImage>* missing) {
  std::erase_if(*missing, [&](const v1::DesiredImage& image) {
    const absl::StatusOr<Lack> lack = LackOf(containerd, image);
    return !lack.ok() || !lack->blobs.empty() || !lack->steps.empty();
  });
}

void CountReleases(const v1::Desired& desired, const NamedDigests& present, v1::KeptState* state) {
  for (const v1::DesiredRelease& release : desired.releases()) {
    v1::KeptRelease* const kept = state->add_releases();
    kept->set_name(release.name());
    kept->set_loaded_unix_seconds(release.loaded_unix_seconds());
    kept->set_images(static_cast<uint32_t>(release.images_size()));
    for (const v1::DesiredImage& image : release.images()) {
      if (LacksNames(image, present)) kept->set_missing(kept->missing() + 1);
    }
  }
}

}  // namespace

absl::Status Keeper::Release(const Containerd& containerd) {
  const absl::Status holds = ReleaseHolds(containerd);
  const absl::Status pins = ReleasePins(containerd);
  return holds.ok() ? pins : holds;
}

Keeper::Keeper(const AgentOptions& options, DesiredList* desired, NodeContent* content,
               const std::string& held_file)
    : containerd_(Containerd(options.containerd_socket).Scoped({"", options.calls})),
      desired_(desired),
      content_(content),
      log_(options.log),
      agent_({.containerd_socket = options.containerd_socket,
              .node_name = options.node_name,
              .rules = kKeeperRules,
              .gate = options.gate,
              .calls = options.calls}),
      held_file_(held_file, desired),
      thread_([this] { Run(); }) {}

Keeper::~Keeper() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (load_ != nullptr) load_->Cancel();
    changed_.notify_all();
  }
  thread_.join();
}

Keeper::Pause::Pause(Keeper* keeper) : keeper_(keeper) {
  std::unique_lock lock(keeper_->mutex_);
  ++keeper_->pauses_;
  if (keeper_->load_ != nullptr) keeper_->load_->Cancel();
  keeper_->changed_.wait_for(lock, kBreakOffTimeout, [this] { return keeper_->load_ == nullptr; });
}

Keeper::Pause::~Pause() {
  const std::lock_guard lock(keeper_->mutex_);
  --keeper_->pauses_;
  keeper_->changed_.notify_all();
}

void Keeper::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

v1::KeptState Keeper::State() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Keeper::SetRegistryProblem(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  state_.set_registry_problem(problem);
}

CallGroup* Keeper::BeginLoad(const v1::Desired& desired) {
  const std::lock_guard lock(mutex_);
  if (ending_ || pauses_ > 0 || desired_->mine().get() != &desired) return nullptr;
  load_ = std::make_unique<CallGroup>();
  return load_.get();
}

void Keeper::EndLoad() {
  const std::lock_guard lock(mutex_);
  load_ = nullptr;
  state_.clear_doing();
  changed_.notify_all();
}

void Keeper::Run() {
  absl::Duration retry = kFirstRetry;
  absl::Time not_before = absl::InfinitePast();
  absl::Time names_not_before = absl::InfinitePast();
  while (true) {
    desired_->Refresh();
    // Names move no bytes: they do not wait until an image that failed is tried again.
    const bool waits = absl::Now() < not_before;
    const absl::Status status =
        waits && absl::Now() < names_not_before ? absl::OkStatus() : Check(/*names_only=*/waits);
    if (waits && !status.ok()) names_not_before = absl::Now() + kLastRetry;
    if (!waits) {
      if (status.ok() || absl::IsCancelled(status)) {
        retry = kFirstRetry;
      } else {
        not_before = absl::Now() + (absl::IsResourceExhausted(status) ? kFullDiskRetry : retry);
        retry = std::min(2 * retry, kLastRetry);
      }
      const std::lock_guard lock(mutex_);
      const std::string problem = Message(status.ok() ? held_ : status);
      if (!problem.empty() && problem != state_.problem()) log_("desired list: " + problem);
      state_.set_problem(problem);
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLookInterval, [this] { return ending_ || woken_; });
    if (ending_) break;
    if (std::exchange(woken_, false)) not_before = held_not_before_ = absl::InfinitePast();
  }
  // The state may have been removed, and all released, in the middle of the last look.
  if (!desired_->wanted()) Release(containerd_.Scoped({})).IgnoreError();
}

absl::Status Keeper::Check(bool names_only) {
  const std::shared_ptr<const v1::Desired> desired = desired_->mine();
  if (!desired_->wanted() || desired == nullptr) {
    {
      const std::lock_guard lock(mutex_);
      state_.clear_generation();
      state_.clear_releases();
    }
    if (desired_->wanted()) {
      ConfirmHeld(nullptr, {});
      return absl::OkStatus();
    }
    held_ = absl::OkStatus();
    RETURN_IF_ERROR(held_file_.Withdraw());
    return Release(containerd_);
  }
  // Before the load too, which may take long or never succeed.
  RETURN_IF_ERROR(HoldDesired(containerd_, *desired));
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, containerd_.ListImages());
  RETURN_IF_ERROR(FollowList(containerd_, *desired, records));
  const NamedDigests present = NamesOf(records);
  std::vector<v1::DesiredImage> missing = MissingImages(*desired, present);
  ASSIGN_OR_RETURN(const std::string version, containerd_.Version());
  {
    const std::lock_guard lock(mutex_);
    state_.clear_releases();
    state_.set_generation(desired->generation());
    state_.set_pins(TellsPins(version));
    CountReleases(*desired, present, &state_);
  }
  if (missing.empty()) {
    RETURN_IF_ERROR(DropLeftovers());
    ConfirmHeld(desired, records);
    return absl::OkStatus();
  }
  held_ = absl::OkStatus();
  RETURN_IF_ERROR(held_file_.Withdraw());
  if (names_only) LeaveNamesOnly(containerd_, &missing);
  if (missing.empty()) return absl::OkStatus();
  absl::Status loaded = Load(*desired, missing);
  RETURN_IF_ERROR(HoldDesired(containerd_, *desired));
  return loaded;
}

// A proof asks containerd about every image, so one that fails is tried ever more rarely.
void Keeper::ConfirmHeld(const std::shared_ptr<const v1::Desired>& desired,
                         const std::vector<ImageRecord>& records) {
  const bool is_retry = !held_.ok() && desired == held_desired_;
  if (is_retry && absl::Now() < held_not_before_) return;
  held_ = held_file_.Confirm(containerd_, desired, records);
  held_desired_ = desired;
  held_retry_ = is_retry ? std::min(2 * held_retry_, kLastRetry) : kFirstRetry;
  held_not_before_ = absl::Now() + held_retry_;
}

// What broken loads of the keeper's brought and a coordinator then made superfluous.
absl::Status Keeper::DropLeftovers() {
  if (!leftovers_) return absl::OkStatus();
  RETURN_IF_ERROR(DropLeases(containerd_, kKeeperRules.lease_prefix));
  leftovers_ = false;
  return absl::OkStatus();
}

// Image by image: one that no node can give must not keep the others away.
absl::Status Keeper::Load(const v1::Desired& desired,
                          const std::vector<v1::DesiredImage>& missing) {
  log_(absl::StrCat("brings ", missing.size(), " images that this node should have"));
  leftovers_ = true;
  absl::Status first;
  for (const v1::DesiredImage& image : missing) {
    CallGroup* const group = BeginLoad(desired);
    if (group == nullptr) return absl::CancelledError("a coordinator goes first");
    const absl::Status status = LoadImage(image, *group);
    EndLoad();
    if (!status.ok()) content_->TryOthersFirst();
    first.Update(status);
    if (absl::IsResourceExhausted(status)) break;
  }
  return first;
}

absl::Status Keeper::LoadImage(const v1::DesiredImage& image, CallGroup& group) {
  const auto fetch = [&](const Digest& digest, uint64_t offset, const BlobSink& sink) {
    return content_->Read(digest, offset, sink, &group);
  };
  ASSIGN_OR_RETURN(const Digest manifest, Digest::Parse(image.manifest_digest()));
  ASSIGN_OR_RETURN(const auto stored, containerd_.BlobSize(manifest));
  std::vector<v1::Image> images;
  ASSIGN_OR_RETURN(images.emplace_back(), CompleteImage(image, [&](const Digest& digest) {
                     return ReadSmall(digest, fetch);
                   }));
  RETURN_IF_ERROR(
      LoadFromPeers(*agent_.stub(), std::move(images), fetch, group, [this](const auto& step) {
        const std::lock_guard lock(mutex_);
        state_.set_doing(step);
      }));
  if (!stored.has_value()) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  state_.set_recreated_names(state_.recreated_names() + static_cast<uint64_t>(image.names_size()));
  return absl::OkStatus();
}

}  // namespace lighter
