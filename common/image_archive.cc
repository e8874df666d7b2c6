#include "common/image_archive.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/archive_entries.h"
#include "common/compression.h"
#include "common/image_config.h"
#include "common/json_fields.h"
#include "common/limits.h"
#include "common/oci_layout.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

// The digest in an entry's name: "sha256:<hex>", "<hex>.json", "<hex>.tar", "<hex>.tar.gz",
// "blobs/sha256/<hex>". Nothing for names such as "<id>/layer.tar".
std::optional<Digest> DigestInName(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);
  if (name.starts_with("sha256:")) name.remove_prefix(7);
  const absl::StatusOr<Digest> digest = Digest::FromHex(name.substr(0, name.find('.')));
  return digest.ok() ? std::optional(*digest) : std::nullopt;
}

// A config that was read, and where it lies.
struct StoredConfig : ImageConfig {
  StoredBlob blob;
};

class ArchiveReader {
 public:
  explicit ArchiveReader(const ArchiveEntries& entries)
      : entries_(entries), what_(entries.what()) {}

  absl::StatusOr<ImageArchive> Read();

 private:
  absl::StatusOr<json> ReadManifestJson() const;
  absl::StatusOr<ArchiveImage> ReadImage(const json& item, const std::string& image);
  absl::StatusOr<const StoredConfig*> ReadConfig(const std::string& name, const std::string& image);
  absl::StatusOr<ArchiveLayer> ReadLayer(const std::string& name, const Digest& diff_id,
                                         const std::string& image) const;

  const ArchiveEntries& entries_;
  const std::string& what_;
  std::map<const TarEntry*, StoredConfig> configs_;
};

absl::StatusOr<ImageArchive> ArchiveReader::Read() {
  ASSIGN_OR_RETURN(const json items, ReadManifestJson());
  ImageArchive archive;
  uint64_t layers = 0;
  for (const json& item : items) {
    const std::string image = absl::StrCat(what_, ": image ", archive.images.size() + 1, " of ",
                                           items.size(), " in manifest.json");
    ASSIGN_OR_RETURN(ArchiveImage read, ReadImage(item, image));
    layers += read.layers.size();
    if (layers > kMaxLayersPerArchive) {
      return absl::ResourceExhaustedError(absl::StrCat(what_, ": its images have more than ",
                                                       kMaxLayersPerArchive, " layers together"));
    }
    archive.images.push_back(std::move(read));
  }
  return archive;
}

absl::StatusOr<json> ArchiveReader::ReadManifestJson() const {
  const TarEntry* entry = entries_.Find("manifest.json");
  if (entry == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(what_, ": no manifest.json, so this is no image archive"));
  }
  ASSIGN_OR_RETURN(const std::string text, entries_.Read(*entry, kMaxManifestJsonBytes));
  ASSIGN_OR_RETURN(json items, ParseJson(text, what_ + ": manifest.json"));
  if (!items.is_array()) {
    return absl::InvalidArgumentError(what_ + ": manifest.json is not a list of images");
  }
  if (items.size() > kMaxImagesPerLoad) {
    return absl::ResourceExhaustedError(absl::StrCat(what_, ": manifest.json has ", items.size(),
                                                     " images, at most ", kMaxImagesPerLoad,
                                                     " are accepted"));
  }
  return items;
}

absl::StatusOr<ArchiveImage> ArchiveReader::ReadImage(const json& item, const std::string& image) {
  if (!item.is_object()) return absl::InvalidArgumentError(image + ": not an object");
  ArchiveImage result;
  ASSIGN_OR_RETURN(result.repo_tags, StringList(FindJson(item, "RepoTags"), image + ": RepoTags"));
  ASSIGN_OR_RETURN(const std::string config_name, OptionalString(item, "Config", image));
  ASSIGN_OR_RETURN(const std::vector<std::string> layer_names,
                   StringList(FindJson(item, "Layers"), image + ": Layers"));
  const std::string named = result.repo_tags.empty()
                                ? image
                                : absl::StrCat(what_, ": ", OneLine(result.repo_tags.front()));
  ASSIGN_OR_RETURN(const StoredConfig* config, ReadConfig(config_name, named));
  if (config->diff_ids.size() != layer_names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(named, ": manifest.json lists ", layer_names.size(), " layers, the config ",
                     config->blob.entry, " has ", config->diff_ids.size(), " diff_ids"));
  }
  if (layer_names.size() > kMaxLayersPerImage) {
    return absl::ResourceExhaustedError(absl::StrCat(
        named, ": ", layer_names.size(), " layers, at most ", kMaxLayersPerImage, " are accepted"));
  }
  std::vector<Descriptor> descriptors;
  for (size_t i = 0; i < layer_names.size(); ++i) {
    ASSIGN_OR_RETURN(ArchiveLayer layer, ReadLayer(layer_names[i], config->diff_ids[i], named));
    descriptors.push_back({layer.media_type, layer.blob.digest, layer.blob.size});
    result.layers.push_back(std::move(layer));
  }
  result.config = config->blob;
  result.architecture = config->architecture;
  result.os = config->os;
  // An image without a name was saved by digest: only the registry's own manifest can be what its
  // pods ask for.
  const auto make_manifest = result.repo_tags.empty() ? DockerPushManifestJson : DockerManifestJson;
  result.manifest = make_manifest(
      {std::string(kDockerConfig), config->blob.digest, config->blob.size}, descriptors);
  result.manifest_digest = Digest::Of(result.manifest);
  result.manifest_media_type = kDockerManifest;
  return result;
}

absl::StatusOr<const StoredConfig*> ArchiveReader::ReadConfig(const std::string& name,
                                                              const std::string& image) {
  ASSIGN_OR_RETURN(const TarEntry* entry, entries_.Resolve(name, image));
  if (const auto known = configs_.find(entry); known != configs_.end()) return &known->second;
  ASSIGN_OR_RETURN(const std::string text, entries_.Read(*entry, kMaxConfigBytes));
  StoredConfig config;
  config.blob = {Digest::Of(text), entry->offset, entry->size, entry->name};
  if (const auto expected = DigestInName(name); expected && *expected != config.blob.digest) {
    return absl::DataLossError(absl::StrCat(image, ": the config at offset ", entry->offset,
                                            " is damaged: its digest is ", config.blob.digest.str(),
                                            ", its name says ", expected->str()));
  }
  ASSIGN_OR_RETURN(static_cast<ImageConfig&>(config),
                   ParseImageConfig(text, absl::StrCat(image, ": config ", entry->name)));
  return &configs_.emplace(entry, std::move(config)).first->second;
}

absl::StatusOr<ArchiveLayer> ArchiveReader::ReadLayer(const std::string& name,
                                                      const Digest& diff_id,
                                                      const std::string& image) const {
  ASSIGN_OR_RETURN(const TarEntry* entry, entries_.Resolve(name, image));
  ASSIGN_OR_RETURN(const std::string start,
                   entries_.file().ReadAt(entry->offset,
                                          std::min<uint64_t>(entry->size, kCompressionMagicBytes)));
  ArchiveLayer layer;
  layer.diff_id = diff_id;
  layer.blob = {diff_id, entry->offset, entry->size, entry->name};
  const std::optional<Digest> name_digest = DigestInName(entry->name);
  const Compression compression = DetectCompression(start);
  const std::string where = absl::StrCat(image, ": layer ", entry->name);
  switch (compression) {
    case Compression::kNone:
      // Stored as it is: its digest is the diffID, whatever the entry is called.
      layer.media_type = kDockerLayer;
      if (!name_digest || *name_digest == diff_id) return layer;
      return absl::DataLossError(absl::StrCat(where, " at offset ", entry->offset,
                                              ": stored uncompressed, yet its name is ",
                                              "not its diffID ", diff_id.str(), " in the config"));
    case Compression::kGzip:
      layer.media_type = kDockerLayerGzip;
      break;
    case Compression::kZstd:
      layer.media_type = kOciLayerZstd;
      break;
    default:
      return absl::UnimplementedError(absl::StrCat(where, ": compressed with ",
                                                   ToAbsl(CompressionName(compression)),
                                                   ", which containerd cannot unpack"));
  }
  if (!name_digest) {
    return absl::UnimplementedError(
        absl::StrCat(where, ": a compressed layer whose name is not its digest; not read so far"));
  }
  layer.blob.digest = *name_digest;
  return layer;
}

bool SameBlobs(const ArchiveImage& a, const ArchiveImage& b) {
  return a.config.digest == b.config.digest &&
         std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
                    [](const ArchiveLayer& x, const ArchiveLayer& y) {
                      return x.blob.digest == y.blob.digest;
                    });
}

// `docker save` of Docker 25 and later, and `ctr images export`, keep an image's own manifest
// beside manifest.json: with it, the image has the digest that it had where it was saved.
void KeepOwnManifests(const ArchiveEntries& entries, ImageArchive& archive) {
  std::vector<ArchiveImage> stored = WholeImages(entries);
  for (ArchiveImage& image : archive.images) {
    const auto own = std::find_if(stored.begin(), stored.end(), [&](const ArchiveImage& other) {
      return SameBlobs(image, other);
    });
    if (own == stored.end()) continue;
    std::vector<std::string> names = std::move(image.repo_tags);
    image = *own;
    image.repo_tags = std::move(names);
  }
}

}  // namespace

absl::StatusOr<ImageArchive> ReadImageArchive(const ReadableFile& file, TarRange range,
                                              const std::string& what) {
  ASSIGN_OR_RETURN(const ArchiveEntries entries, ArchiveEntries::Index(file, range, what));
  const bool is_layout = entries.Contains("oci-layout") || entries.Contains("index.json");
  if (is_layout && entries.Find("manifest.json") == nullptr) return ReadOciLayout(entries);
  ASSIGN_OR_RETURN(ImageArchive archive, ArchiveReader(entries).Read());
  if (is_layout) KeepOwnManifests(entries, archive);
  return archive;
}

}  // namespace lighter
