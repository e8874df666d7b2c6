#include "agent/desired/desired_image.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

absl::StatusOr<std::string> ReadChecked(const Digest& digest, const ReadSmallBlob& read) {
  ASSIGN_OR_RETURN(std::string bytes, read(digest));
  if (Digest::Of(bytes) == digest) return bytes;
  return absl::DataLossError(absl::StrCat("what came as ", digest.str(), " are other bytes"));
}

absl::StatusOr<v1::Blob> ToBlob(const nlohmann::json* descriptor) {
  const nlohmann::json* const digest =
      descriptor == nullptr ? nullptr : FindJson(*descriptor, "digest");
  const nlohmann::json* const size =
      descriptor == nullptr ? nullptr : FindJson(*descriptor, "size");
  if (digest == nullptr || !digest->is_string() || size == nullptr || !size->is_number_unsigned()) {
    return absl::InvalidArgumentError("a manifest without proper descriptors");
  }
  v1::Blob blob;
  blob.set_digest(digest->get<std::string>());
  blob.set_size(size->get<uint64_t>());
  return blob;
}

const nlohmann::json& ArrayIn(const nlohmann::json* list) {
  static const nlohmann::json none = nlohmann::json::array();
  return list == nullptr || !list->is_array() ? none : *list;
}

}  // namespace

std::vector<v1::DesiredImage> ImagesOf(const v1::Desired& desired) {
  std::vector<v1::DesiredImage> images;
  std::map<std::string, size_t> known;
  std::map<std::string, std::string> owner;  // of each name; the first image that has it
  const auto add = [&](const v1::DesiredImage& image) {
    const auto [at, added] = known.emplace(image.manifest_digest(), images.size());
    if (added) {
      images.push_back(image);
      images.back().clear_names();
    }
    for (const std::string& name : image.names()) {
      if (owner.emplace(name, image.manifest_digest()).second) images[at->second].add_names(name);
    }
  };
  // What runs now before what ran before: a name may have moved from one image to another.
  for (const v1::DesiredRelease& release : desired.releases()) {
    for (const v1::DesiredImage& image : release.images()) add(image);
  }
  for (const v1::DesiredRelease& release : desired.releases()) {
    for (const v1::DesiredImage& image : release.previous_images()) add(image);
  }
  std::erase_if(images, [](const v1::DesiredImage& image) { return image.names().empty(); });
  return images;
}

absl::StatusOr<v1::Image> CompleteImage(const v1::DesiredImage& desired,
                                        const ReadSmallBlob& read) {
  v1::Image image;
  image.set_manifest_digest(desired.manifest_digest());
  image.set_manifest_media_type(desired.manifest_media_type());
  *image.mutable_names() = desired.names();
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(desired.manifest_digest()));
  ASSIGN_OR_RETURN(*image.mutable_manifest(), ReadChecked(digest, read));
  ASSIGN_OR_RETURN(const nlohmann::json manifest, ParseJson(image.manifest(), "manifest"));
  ASSIGN_OR_RETURN(*image.mutable_config(), ToBlob(FindJson(manifest, "config")));
  ASSIGN_OR_RETURN(const Digest config_digest, Digest::Parse(image.config().digest()));
  ASSIGN_OR_RETURN(const std::string config_bytes, ReadChecked(config_digest, read));
  ASSIGN_OR_RETURN(const nlohmann::json config, ParseJson(config_bytes, "config"));
  const nlohmann::json* const rootfs = FindJson(config, "rootfs");
  const nlohmann::json& diff_ids =
      ArrayIn(rootfs == nullptr ? nullptr : FindJson(*rootfs, "diff_ids"));
  const nlohmann::json& layers = ArrayIn(FindJson(manifest, "layers"));
  if (layers.size() != diff_ids.size()) {
    return absl::InvalidArgumentError(absl::StrCat("manifest ", digest.str(), " and its config ",
                                                   "differ in their number of layers"));
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    v1::Layer& layer = *image.add_layers();
    ASSIGN_OR_RETURN(*layer.mutable_blob(), ToBlob(&layers[i]));
    const nlohmann::json* const type = FindJson(layers[i], "mediaType");
    if (type != nullptr && type->is_string()) layer.set_media_type(type->get<std::string>());
    if (diff_ids[i].is_string()) layer.set_diff_id(diff_ids[i].get<std::string>());
  }
  return image;
}

absl::StatusOr<CheckedImage> StoredImage(const Containerd& containerd,
                                         const v1::DesiredImage& desired) {
  google::protobuf::RepeatedPtrField<v1::Image> images;
  ASSIGN_OR_RETURN(*images.Add(), CompleteImage(desired, [&](const Digest& digest) {
    return containerd.ReadBlob(digest, kMaxConfigBytes);
  }));
  ASSIGN_OR_RETURN(std::vector<CheckedImage> checked, CheckImages(images));
  return std::move(checked.at(0));
}

}  // namespace lighter
