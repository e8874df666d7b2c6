#include "common/image_archive.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/compression.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr int kMaxLinks = 8;  // a link to a link to ...; docker save makes one step

// The digest in an entry's name: "sha256:<hex>", "<hex>.json", "<hex>.tar", "<hex>.tar.gz",
// "blobs/sha256/<hex>". Nothing for names such as "<id>/layer.tar".
std::optional<Digest> DigestInName(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);
  if (name.starts_with("sha256:")) name.remove_prefix(7);
  const absl::StatusOr<Digest> digest = Digest::FromHex(name.substr(0, name.find('.')));
  return digest.ok() ? std::optional(*digest) : std::nullopt;
}

// A list of strings that may be missing or null.
absl::StatusOr<std::vector<std::string>> StringList(const json* value, const std::string& what) {
  std::vector<std::string> list;
  if (value == nullptr || value->is_null()) return list;
  if (!value->is_array()) return absl::InvalidArgumentError(what + ": not a list");
  for (const json& item : *value) {
    if (!item.is_string()) return absl::InvalidArgumentError(what + ": not a list of strings");
    list.push_back(item.get<std::string>());
  }
  return list;
}

absl::StatusOr<std::string> OptionalString(const json& object, const std::string& key,
                                           const std::string& what) {
  const json* value = FindJson(object, key);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", key, " is not a string"));
  }
  return value->get<std::string>();
}

// What an image takes from its config.
struct Config {
  StoredBlob blob;
  std::string architecture;
  std::string os;
  std::vector<Digest> diff_ids;
};

class ArchiveReader {
 public:
  ArchiveReader(const ReadableFile& file, const std::string& what) : file_(file), what_(what) {}

  absl::StatusOr<ImageArchive> Read(TarRange range);

 private:
  absl::StatusOr<json> ReadManifestJson() const;
  absl::StatusOr<ArchiveImage> ReadImage(const json& item, const std::string& image);
  absl::StatusOr<const Config*> ReadConfig(const std::string& name, const std::string& image);
  absl::StatusOr<ArchiveLayer> ReadLayer(const std::string& name, const Digest& diff_id,
                                         const std::string& image) const;
  // The regular entry of this name, links followed; for all names but manifest.json's.
  absl::StatusOr<const TarEntry*> Resolve(const std::string& name, const std::string& image) const;
  absl::StatusOr<std::string> ReadEntry(const TarEntry& entry, uint64_t max_bytes) const;

  const ReadableFile& file_;
  const std::string& what_;
  std::vector<TarEntry> entries_;
  // By name. Of entries with one name the last counts, as for every tar reader.
  std::map<std::string, const TarEntry*, std::less<>> by_name_;
  std::map<const TarEntry*, Config> configs_;
};

absl::StatusOr<ImageArchive> ArchiveReader::Read(TarRange range) {
  ASSIGN_OR_RETURN(entries_, IndexTar(file_, range, what_));
  for (const TarEntry& entry : entries_) by_name_[entry.name] = &entry;
  ASSIGN_OR_RETURN(const json items, ReadManifestJson());
  ImageArchive archive;
  for (const json& item : items) {
    const std::string image = absl::StrCat(what_, ": image ", archive.images.size() + 1, " of ",
                                           items.size(), " in manifest.json");
    ASSIGN_OR_RETURN(ArchiveImage read, ReadImage(item, image));
    archive.images.push_back(std::move(read));
  }
  return archive;
}

absl::StatusOr<json> ArchiveReader::ReadManifestJson() const {
  const auto it = by_name_.find("manifest.json");
  if (it == by_name_.end() || it->second->type != TarEntryType::kRegular) {
    if (by_name_.contains("oci-layout") || by_name_.contains("index.json")) {
      return absl::UnimplementedError(absl::StrCat(
          what_,
          ": an OCI image layout without manifest.json; only archives with a manifest.json are ",
          "read so far (`skopeo copy oci-archive:IN docker-archive:OUT` makes one)"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat(what_, ": no manifest.json, so this is no image archive"));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadEntry(*it->second, kMaxManifestJsonBytes));
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
  ASSIGN_OR_RETURN(const Config* config, ReadConfig(config_name, named));
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
  return result;
}

absl::StatusOr<const Config*> ArchiveReader::ReadConfig(const std::string& name,
                                                        const std::string& image) {
  ASSIGN_OR_RETURN(const TarEntry* entry, Resolve(name, image));
  if (const auto known = configs_.find(entry); known != configs_.end()) return &known->second;
  ASSIGN_OR_RETURN(const std::string text, ReadEntry(*entry, kMaxConfigBytes));
  Config config;
  config.blob = {Digest::Of(text), entry->offset, entry->size, entry->name};
  if (const auto expected = DigestInName(name); expected && *expected != config.blob.digest) {
    return absl::DataLossError(absl::StrCat(image, ": the config at offset ", entry->offset,
                                            " is damaged: its digest is ", config.blob.digest.str(),
                                            ", its name says ", expected->str()));
  }
  const std::string where = absl::StrCat(image, ": config ", entry->name);
  ASSIGN_OR_RETURN(const json value, ParseJson(text, where));
  if (!value.is_object()) return absl::InvalidArgumentError(where + ": not an object");
  ASSIGN_OR_RETURN(config.architecture, OptionalString(value, "architecture", where));
  ASSIGN_OR_RETURN(config.os, OptionalString(value, "os", where));
  const json* rootfs = FindJson(value, "rootfs");
  const json* diff_ids = rootfs == nullptr ? nullptr : FindJson(*rootfs, "diff_ids");
  ASSIGN_OR_RETURN(const std::vector<std::string> list,
                   StringList(diff_ids, where + ": rootfs.diff_ids"));
  for (const std::string& text_digest : list) {
    absl::StatusOr<Digest> digest = Digest::Parse(text_digest);
    if (!digest.ok()) return Annotate(digest.status(), where + ": rootfs.diff_ids");
    config.diff_ids.push_back(*digest);
  }
  return &configs_.emplace(entry, std::move(config)).first->second;
}

absl::StatusOr<ArchiveLayer> ArchiveReader::ReadLayer(const std::string& name,
                                                      const Digest& diff_id,
                                                      const std::string& image) const {
  ASSIGN_OR_RETURN(const TarEntry* entry, Resolve(name, image));
  ASSIGN_OR_RETURN(
      const std::string start,
      file_.ReadAt(entry->offset, std::min<uint64_t>(entry->size, kCompressionMagicBytes)));
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

absl::StatusOr<const TarEntry*> ArchiveReader::Resolve(const std::string& name,
                                                       const std::string& image) const {
  if (name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(image, ": an entry's name of ", name.size(),
                                                   " bytes, at most ", kMaxNameBytes,
                                                   " are accepted"));
  }
  std::string current = std::filesystem::path(name).lexically_normal().string();
  for (int i = 0; i <= kMaxLinks; ++i) {
    const auto it = by_name_.find(current);
    if (it == by_name_.end()) {
      return absl::DataLossError(
          absl::StrCat(image, ": entry \"", OneLine(name), "\" is missing from the archive"));
    }
    const TarEntry& entry = *it->second;
    std::filesystem::path target = entry.link_target;
    switch (entry.type) {
      case TarEntryType::kRegular:
        return &entry;
      case TarEntryType::kHardlink:
        break;
      case TarEntryType::kSymlink:
        target = std::filesystem::path(entry.name).parent_path() / target;
        break;
      default:
        return absl::InvalidArgumentError(
            absl::StrCat(image, ": entry \"", OneLine(name), "\" is not a file"));
    }
    current = target.lexically_normal().string();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(image, ": entry \"", OneLine(name), "\": too many links"));
}

absl::StatusOr<std::string> ArchiveReader::ReadEntry(const TarEntry& entry,
                                                     uint64_t max_bytes) const {
  if (entry.size > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(what_, ": ", entry.name, " has ", entry.size,
                                                     " bytes, at most ", max_bytes,
                                                     " are accepted"));
  }
  absl::StatusOr<std::string> text = file_.ReadAt(entry.offset, entry.size);
  return text.ok() ? std::move(text) : Annotate(text.status(), what_ + ": " + entry.name);
}

}  // namespace

absl::StatusOr<ImageArchive> ReadImageArchive(const ReadableFile& file, TarRange range,
                                              const std::string& what) {
  return ArchiveReader(file, what).Read(range);
}

}  // namespace lighter
