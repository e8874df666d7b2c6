#include "agent/name_state.h"

#include "absl/strings/str_cat.h"
#include "agent/name_marks.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/oci.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

// An index lists an image for each platform, of which a node has one.
constexpr size_t kMaxIndexEntries = 256;

absl::StatusOr<json> ReadJson(const Containerd& containerd, const Digest& digest) {
  ASSIGN_OR_RETURN(const std::string bytes, containerd.ReadBlob(digest, kMaxConfigBytes));
  if (Digest::Of(bytes) != digest) {
    return absl::DataLossError(absl::StrCat("what is stored as ", digest.str(), " is other bytes"));
  }
  return ParseJson(bytes, digest.str());
}

const json& ArrayIn(const json& object, const std::string& key) {
  static const json none = json::array();
  const json* const list = FindJson(object, key);
  return list == nullptr || !list->is_array() ? none : *list;
}

std::string DigestIn(const json* descriptor) {
  const json* const digest = descriptor == nullptr ? nullptr : FindJson(*descriptor, "digest");
  return digest == nullptr || !digest->is_string() ? "" : digest->get<std::string>();
}

// Whether `manifest` is of the image with this config, or is an index of which a stored manifest
// is.
absl::StatusOr<bool> IsOf(const Containerd& containerd, const json& manifest,
                          const Digest& config) {
  const json* const own = FindJson(manifest, "config");
  if (own != nullptr) return DigestIn(own) == config.str();
  const json& entries = ArrayIn(manifest, "manifests");
  for (size_t i = 0; i < std::min(entries.size(), kMaxIndexEntries); ++i) {
    const absl::StatusOr<Digest> digest = Digest::Parse(DigestIn(&entries[i]));
    if (!digest.ok()) continue;
    const absl::StatusOr<json> platform = ReadJson(containerd, *digest);
    if (absl::IsNotFound(platform.status())) continue;
    RETURN_IF_ERROR(platform.status());
    if (DigestIn(FindJson(*platform, "config")) == config.str()) return true;
  }
  return false;
}

absl::Status CheckUnpacked(const Containerd& containerd, const std::string& snapshotter,
                           const json& config) {
  const json* const rootfs = FindJson(config, "rootfs");
  std::vector<Digest> diff_ids;
  for (const json& text : rootfs == nullptr ? json::array() : ArrayIn(*rootfs, "diff_ids")) {
    ASSIGN_OR_RETURN(const Digest diff_id,
                     Digest::Parse(text.is_string() ? text.get<std::string>() : ""));
    diff_ids.push_back(diff_id);
  }
  if (diff_ids.empty()) return absl::OkStatus();
  const Digest top = ChainIds(diff_ids).back();
  ASSIGN_OR_RETURN(const bool is_there, containerd.HasSnapshot(snapshotter, top));
  if (is_there) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("its layers are not unpacked: snapshot ", top.str(), " is not committed"));
}

absl::Status CheckWhole(const Containerd& containerd, const std::string& snapshotter,
                        const Digest& manifest_digest, const std::string& image_id) {
  if (image_id.empty()) return absl::NotFoundError("CRI does not know it");
  ASSIGN_OR_RETURN(const Digest config_digest, Digest::Parse(image_id));
  ASSIGN_OR_RETURN(const json manifest, ReadJson(containerd, manifest_digest));
  ASSIGN_OR_RETURN(const bool is_of, IsOf(containerd, manifest, config_digest));
  if (!is_of) {
    return absl::NotFoundError(
        absl::StrCat("CRI answers ", image_id, ", which is not the image of its manifest"));
  }
  ASSIGN_OR_RETURN(const json config, ReadJson(containerd, config_digest));
  return CheckUnpacked(containerd, snapshotter, config);
}

// What is wrong with the image, as against what keeps us from looking at it.
bool IsOfTheImage(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsInvalidArgument(status) || absl::IsDataLoss(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

absl::StatusOr<v1::NameState> StateOfName(const Containerd& containerd,
                                          const std::string& snapshotter,
                                          const PullRecords& records, const Reference& name) {
  v1::NameState state;
  state.set_name(name.str());
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> record, containerd.FindImage(name.str()));
  if (!record.has_value()) {
    state.set_cause("no image has this name");
    return state;
  }
  state.set_current_manifest_digest(record->target.digest.str());
  state.set_manifest_media_type(record->target.media_type);
  state.set_manifest_size(record->target.size);
  state.set_is_lighters(IsLightersRecord(*record));
  ASSIGN_OR_RETURN(*state.mutable_image_id(), containerd.CriImageId(name.str()));
  if (const absl::StatusOr<Digest> config = Digest::Parse(state.image_id()); config.ok()) {
    state.set_pull_record(records.Find(name, *config));
  }
  const absl::Status whole =
      CheckWhole(containerd, snapshotter, record->target.digest, state.image_id());
  if (!whole.ok() && !IsOfTheImage(whole)) return whole;
  state.set_proven(whole.ok());
  state.set_cause(Message(whole));
  return state;
}

}  // namespace lighter
