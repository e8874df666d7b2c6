#include "agent/checked_image.h"

#include <map>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/media_types.h"
#include "common/status.h"

namespace lighter {
namespace {

// Far above any real layer; keeps every sum of sizes within 64 bits.
constexpr uint64_t kMaxLayerBytes = 4096 * kGiB;
constexpr int kMaxNamesPerImage = 1024;

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::CEscape(text.substr(0, 200)), "\"");
}

absl::StatusOr<Descriptor> CheckBlob(const v1::Blob& blob, uint64_t max_bytes) {
  Descriptor descriptor;
  ASSIGN_OR_RETURN(descriptor.digest, Digest::Parse(blob.digest()));
  if (blob.size() == 0 || blob.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("size ", blob.size(), " of ", blob.digest(),
                                                   " is not between 1 and ", max_bytes));
  }
  descriptor.size = blob.size();
  return descriptor;
}

// A descriptor as the manifest spells it.
absl::StatusOr<Descriptor> ParseDescriptor(const nlohmann::json* json, std::string_view what) {
  const nlohmann::json* const type = json == nullptr ? nullptr : FindJson(*json, "mediaType");
  const nlohmann::json* const digest = json == nullptr ? nullptr : FindJson(*json, "digest");
  const nlohmann::json* const size = json == nullptr ? nullptr : FindJson(*json, "size");
  if (type == nullptr || !type->is_string() || digest == nullptr || !digest->is_string() ||
      size == nullptr || !size->is_number_unsigned()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the manifest has no proper ", ToAbsl(what), " descriptor"));
  }
  Descriptor descriptor;
  descriptor.media_type = type->get<std::string>();
  ASSIGN_OR_RETURN(descriptor.digest, Digest::Parse(digest->get<std::string>()));
  descriptor.size = size->get<uint64_t>();
  return descriptor;
}

absl::Status CheckSame(const Descriptor& in_manifest, const Descriptor& given,
                       std::string_view what) {
  if (in_manifest.digest == given.digest && in_manifest.size == given.size) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the manifest lists ", ToAbsl(what), " ", in_manifest.digest.str(), " of ", in_manifest.size,
      " bytes, the request ", given.digest.str(), " of ", given.size, " bytes"));
}

absl::Status CheckManifest(CheckedImage* image) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(image->manifest, "manifest"));
  const nlohmann::json* const type = FindJson(json, "mediaType");
  if (type != nullptr && (!type->is_string() || *type != image->target.media_type)) {
    return absl::InvalidArgumentError("the manifest's mediaType is not the one given");
  }
  ASSIGN_OR_RETURN(const Descriptor config, ParseDescriptor(FindJson(json, "config"), "config"));
  RETURN_IF_ERROR(CheckSame(config, image->config, "config"));
  if (!IsConfigType(config.media_type)) {
    return absl::InvalidArgumentError("unknown config media type " + Quoted(config.media_type));
  }
  image->config.media_type = config.media_type;

  const nlohmann::json* const layers = FindJson(json, "layers");
  if (layers == nullptr || !layers->is_array() || layers->size() != image->layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the manifest does not list the ",
                                                   image->layers.size(), " layers of the request"));
  }
  for (size_t i = 0; i < image->layers.size(); ++i) {
    ASSIGN_OR_RETURN(const Descriptor layer, ParseDescriptor(&(*layers)[i], "layer"));
    RETURN_IF_ERROR(CheckSame(layer, image->layers[i].blob, "layer"));
    if (layer.media_type != image->layers[i].blob.media_type) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", layer.digest.str(),
                       " has another media type in the manifest: ", Quoted(layer.media_type)));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLayers(const v1::Image& from, CheckedImage* image) {
  if (from.layers_size() > static_cast<int>(kMaxLayersPerImage)) {
    return absl::InvalidArgumentError(
        absl::StrCat(from.layers_size(), " layers, at most ", kMaxLayersPerImage, " are accepted"));
  }
  std::vector<Digest> diff_ids;
  for (const v1::Layer& layer : from.layers()) {
    CheckedLayer checked;
    ASSIGN_OR_RETURN(checked.blob, CheckBlob(layer.blob(), kMaxLayerBytes));
    if (!IsLayerType(layer.media_type())) {
      return absl::InvalidArgumentError("unknown layer media type " + Quoted(layer.media_type()));
    }
    checked.blob.media_type = layer.media_type();
    ASSIGN_OR_RETURN(checked.diff_id, Digest::Parse(layer.diff_id()));
    diff_ids.push_back(checked.diff_id);
    image->layers.push_back(std::move(checked));
  }
  const std::vector<Digest> chain = ChainIds(diff_ids);
  for (size_t i = 0; i < chain.size(); ++i) image->layers[i].chain_id = chain[i];
  return absl::OkStatus();
}

// One digest has one size; and a name belongs to one image.
struct Seen {
  std::map<Digest, uint64_t> sizes;
  std::set<std::string> names;
};

absl::Status CheckSizes(const CheckedImage& image, Seen* seen) {
  const auto check = [seen](const Descriptor& blob) -> absl::Status {
    const auto [known, added] = seen->sizes.emplace(blob.digest, blob.size);
    if (added || known->second == blob.size) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(blob.digest.str(), " is said to have ",
                                                   blob.size, " bytes and ", known->second));
  };
  RETURN_IF_ERROR(check(image.config));
  for (const CheckedLayer& layer : image.layers) RETURN_IF_ERROR(check(layer.blob));
  return absl::OkStatus();
}

absl::StatusOr<Reference> CheckName(const std::string& name) {
  ASSIGN_OR_RETURN(Reference reference, Reference::Parse(name));
  if (reference.str() == name) return reference;
  return absl::InvalidArgumentError(absl::StrCat(
      "name ", Quoted(name), " is not normalised; CRI looks up ", Quoted(reference.str())));
}

absl::Status CheckNames(const v1::Image& from, Seen* seen, CheckedImage* image) {
  if (from.names_size() > kMaxNamesPerImage) {
    return absl::InvalidArgumentError(
        absl::StrCat(from.names_size(), " names, at most ", kMaxNamesPerImage, " are accepted"));
  }
  if (from.names().empty()) {
    return absl::InvalidArgumentError("no name; nothing would keep the image on the node");
  }
  for (const std::string& name : from.names()) {
    ASSIGN_OR_RETURN(Reference reference, CheckName(name));
    if (!reference.digest.empty() && reference.digest != image->target.digest.str()) {
      return absl::InvalidArgumentError(
          absl::StrCat("name ", name, " pins another digest than ", image->target.digest.str()));
    }
    if (!seen->names.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("name ", name, " is listed twice"));
    }
    image->names.push_back(std::move(reference));
  }
  return absl::OkStatus();
}

absl::Status CheckImage(const v1::Image& from, Seen* seen, CheckedImage* image) {
  ASSIGN_OR_RETURN(image->target.digest, Digest::Parse(from.manifest_digest()));
  if (!IsManifestType(from.manifest_media_type())) {
    return absl::InvalidArgumentError("unknown manifest media type " +
                                      Quoted(from.manifest_media_type()));
  }
  image->target.media_type = from.manifest_media_type();
  if (const Digest digest = Digest::Of(from.manifest()); digest != image->target.digest) {
    return absl::InvalidArgumentError(
        absl::StrCat("the manifest's bytes have digest ", digest.str()));
  }
  image->manifest = from.manifest();
  image->target.size = from.manifest().size();
  ASSIGN_OR_RETURN(image->config, CheckBlob(from.config(), kMaxConfigBytes));
  RETURN_IF_ERROR(CheckLayers(from, image));
  RETURN_IF_ERROR(CheckManifest(image));
  RETURN_IF_ERROR(CheckSizes(*image, seen));
  return CheckNames(from, seen, image);
}

}  // namespace

absl::StatusOr<std::vector<CheckedImage>> CheckImages(
    const google::protobuf::RepeatedPtrField<v1::Image>& images) {
  if (images.size() > static_cast<int>(kMaxImagesPerLoad)) {
    return absl::InvalidArgumentError(
        absl::StrCat(images.size(), " images, at most ", kMaxImagesPerLoad, " are accepted"));
  }
  std::vector<CheckedImage> checked;
  Seen seen;
  for (const v1::Image& image : images) {
    CheckedImage& added = checked.emplace_back();
    added.label = image.names().empty() ? image.manifest_digest() : image.names(0);
    if (const absl::Status status = CheckImage(image, &seen, &added); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("image ", Quoted(added.label), ": ", status.message()));
    }
  }
  return checked;
}

absl::StatusOr<std::vector<Reference>> CheckLoneNames(
    const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (names.size() > static_cast<int>(kMaxLoneNames)) {
    return absl::InvalidArgumentError(
        absl::StrCat(names.size(), " names, at most ", kMaxLoneNames, " are accepted"));
  }
  std::vector<Reference> checked;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(Reference reference, CheckName(name));
    checked.push_back(std::move(reference));
  }
  return checked;
}

absl::Status CheckConfig(const CheckedImage& image, const std::string& config) {
  const auto wrong = [&image](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("image ", image.label, ": its config ", image.config.digest.str(), " ", what));
  };
  const absl::StatusOr<nlohmann::json> json = ParseJson(config, "config");
  if (!json.ok()) return wrong(absl::StrCat("cannot be read: ", json.status().message()));
  const nlohmann::json* const rootfs = FindJson(*json, "rootfs");
  const nlohmann::json* const ids = rootfs == nullptr ? nullptr : FindJson(*rootfs, "diff_ids");
  const size_t count = ids == nullptr || !ids->is_array() ? 0 : ids->size();
  if (count != image.layers.size()) {
    return wrong(absl::StrCat("lists ", count, " layers, the manifest ", image.layers.size()));
  }
  for (size_t i = 0; i < count; ++i) {
    const std::string expected = image.layers[i].diff_id.str();
    if (!(*ids)[i].is_string() || (*ids)[i].get_ref<const std::string&>() != expected) {
      return wrong(absl::StrCat("lists another diffID than ", expected, " for layer ", i + 1));
    }
  }
  return absl::OkStatus();
}

}  // namespace lighter
