#include "common/oci_layout.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/image_config.h"
#include "common/json_fields.h"
#include "common/limits.h"
#include "common/media_types.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

// A manifest or an index; registries take 4 MiB.
constexpr uint64_t kMaxManifestBytes = 4 * kMiB;
// All that are read, as often as they are: a small index.json may lead to a large one a thousand
// times.
constexpr uint64_t kMaxDocumentBytes = 256 * kMiB;
constexpr int kMaxIndexDepth = 4;  // an index in an index in index.json; one step is usual
constexpr char kNameAnnotation[] = "io.containerd.image.name";
constexpr char kRefNameAnnotation[] = "org.opencontainers.image.ref.name";
constexpr char kAttestationAnnotation[] = "vnd.docker.reference.type";  // buildkit's

absl::StatusOr<Descriptor> ParseDescriptor(const json* value, const std::string& where) {
  if (value == nullptr || !value->is_object()) {
    return absl::InvalidArgumentError(where + ": not a descriptor");
  }
  Descriptor descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, OptionalString(*value, "mediaType", where));
  ASSIGN_OR_RETURN(const std::string digest, OptionalString(*value, "digest", where));
  absl::StatusOr<Digest> parsed = Digest::Parse(digest);
  if (!parsed.ok()) return Annotate(parsed.status(), where);
  descriptor.digest = *parsed;
  const json* size = FindJson(*value, "size");
  if (size == nullptr || !size->is_number_unsigned()) {
    return absl::InvalidArgumentError(where + ": a descriptor without a size");
  }
  descriptor.size = size->get<uint64_t>();
  return descriptor;
}

// The annotation's text; empty where there is none.
absl::StatusOr<std::string> Annotation(const json& descriptor, const char* key,
                                       const std::string& where) {
  const json* annotations = FindJson(descriptor, "annotations");
  if (annotations == nullptr || annotations->is_null()) return std::string();
  return OptionalString(*annotations, key, where + ": annotations");
}

// The image's name; empty where the layout has none for it. A ref.name may be a tag alone, which
// belongs to a name that is not written down.
absl::StatusOr<std::string> NameOf(const json& descriptor, const std::string& where) {
  ASSIGN_OR_RETURN(std::string name, Annotation(descriptor, kNameAnnotation, where));
  if (!name.empty()) return name;
  ASSIGN_OR_RETURN(name, Annotation(descriptor, kRefNameAnnotation, where));
  return name.find_first_of("/:") == std::string::npos ? std::string() : name;
}

// Whether a child of an index may be the image of a node: no attestation, and of linux or unsaid.
absl::StatusOr<bool> MayRun(const json& descriptor, const std::string& where) {
  ASSIGN_OR_RETURN(const std::string attestation,
                   Annotation(descriptor, kAttestationAnnotation, where));
  const json* platform = FindJson(descriptor, "platform");
  if (platform == nullptr || platform->is_null()) return attestation.empty();
  ASSIGN_OR_RETURN(const std::string os, OptionalString(*platform, "os", where + ": platform"));
  return attestation.empty() && (os.empty() || os == "linux");
}

// What an item of index.json leads to.
struct Found {
  std::vector<ArchiveImage> images;
  absl::Status missing;   // why another image is not whole in the archive
  std::set<Digest> seen;  // indexes and manifests
};

class LayoutReader {
 public:
  explicit LayoutReader(const ArchiveEntries& entries) : entries_(entries) {}

  absl::StatusOr<ImageArchive> Read();
  std::vector<ArchiveImage> ReadWhole();

 private:
  // The items of index.json.
  absl::StatusOr<json> ReadItems() const;
  // The image that an item of index.json leads to; nothing where it is none.
  absl::StatusOr<std::optional<ArchiveImage>> ReadItem(const json& item, const std::string& where);
  absl::Status Collect(const Descriptor& descriptor, const std::string& where, int depth,
                       Found& found);
  absl::Status CollectIndex(const Descriptor& descriptor, const std::string& where, int depth,
                            Found& found);
  absl::StatusOr<std::optional<ArchiveImage>> ReadImage(const Descriptor& descriptor,
                                                        const std::string& where);
  absl::StatusOr<const ImageConfig*> ReadConfig(const Descriptor& descriptor,
                                                const std::string& where);
  absl::StatusOr<ArchiveLayer> ReadLayer(const json& layer, const Digest& diff_id,
                                         const std::string& where) const;
  // Where a blob lies, its size checked. NotFound where the archive does not have it.
  absl::StatusOr<StoredBlob> Locate(const Descriptor& blob, const std::string& where) const;
  // The document that a blob is, its digest checked.
  absl::StatusOr<std::string> ReadBlob(const Descriptor& blob, uint64_t max_bytes,
                                       const std::string& where);

  const ArchiveEntries& entries_;
  uint64_t document_bytes_ = 0;            // read by ReadBlob so far
  std::map<Digest, ImageConfig> configs_;  // those that were read
};

absl::StatusOr<StoredBlob> LayoutReader::Locate(const Descriptor& blob,
                                                const std::string& where) const {
  const std::string name = "blobs/sha256/" + blob.digest.hex();
  if (!entries_.Contains(name)) {
    return absl::NotFoundError(
        absl::StrCat(where, ": entry \"", name, "\" is missing from the archive"));
  }
  ASSIGN_OR_RETURN(const TarEntry* entry, entries_.Resolve(name, where));
  if (entry->size != blob.size) {
    return absl::DataLossError(absl::StrCat(where, ": ", entry->name, " at offset ", entry->offset,
                                            " has ", entry->size, " bytes, ", blob.size,
                                            " are expected"));
  }
  return StoredBlob{blob.digest, entry->offset, entry->size, entry->name};
}

absl::StatusOr<std::string> LayoutReader::ReadBlob(const Descriptor& blob, uint64_t max_bytes,
                                                   const std::string& where) {
  ASSIGN_OR_RETURN(const StoredBlob stored, Locate(blob, where));
  document_bytes_ += stored.size;
  if (document_bytes_ > kMaxDocumentBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(where, ": more than ", kMaxDocumentBytes,
                                                     " bytes of manifests, indexes and configs"));
  }
  if (stored.size > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(where, ": ", stored.entry, " has ",
                                                     stored.size, " bytes, at most ", max_bytes,
                                                     " are accepted"));
  }
  ASSIGN_OR_RETURN(std::string bytes, entries_.file().ReadAt(stored.offset, stored.size));
  if (const Digest actual = Digest::Of(bytes); actual != blob.digest) {
    return absl::DataLossError(absl::StrCat(where, ": ", stored.entry, " at offset ", stored.offset,
                                            " is damaged: its digest is ", actual.str()));
  }
  return bytes;
}

absl::StatusOr<const ImageConfig*> LayoutReader::ReadConfig(const Descriptor& descriptor,
                                                            const std::string& where) {
  const auto known = configs_.find(descriptor.digest);
  if (known != configs_.end()) return &known->second;
  ASSIGN_OR_RETURN(const std::string text, ReadBlob(descriptor, kMaxConfigBytes, where));
  ASSIGN_OR_RETURN(ImageConfig config, ParseImageConfig(text, where + ": config"));
  return &configs_.emplace(descriptor.digest, std::move(config)).first->second;
}

absl::StatusOr<ArchiveLayer> LayoutReader::ReadLayer(const json& layer, const Digest& diff_id,
                                                     const std::string& where) const {
  ASSIGN_OR_RETURN(const Descriptor descriptor, ParseDescriptor(&layer, where + ": layer"));
  if (!IsLayerType(descriptor.media_type)) {
    return absl::UnimplementedError(
        absl::StrCat(where, ": layer ", descriptor.digest.str(), " is of the media type ",
                     OneLine(descriptor.media_type), ", which is not read"));
  }
  const bool is_plain = descriptor.media_type.ends_with("tar");
  if (is_plain && descriptor.digest != diff_id) {
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": layer ", descriptor.digest.str(), " is said to be uncompressed, yet the config ",
        "has another digest for its content, ", diff_id.str()));
  }
  ArchiveLayer result;
  ASSIGN_OR_RETURN(result.blob, Locate(descriptor, where));
  result.media_type = descriptor.media_type;
  result.diff_id = diff_id;
  return result;
}

absl::StatusOr<std::optional<ArchiveImage>> LayoutReader::ReadImage(const Descriptor& descriptor,
                                                                    const std::string& where) {
  ArchiveImage image;
  ASSIGN_OR_RETURN(image.manifest, ReadBlob(descriptor, kMaxManifestBytes, where));
  image.manifest_digest = descriptor.digest;
  image.manifest_media_type = descriptor.media_type;
  const std::string what = where + ": manifest " + descriptor.digest.str();
  ASSIGN_OR_RETURN(const json manifest, ParseJson(image.manifest, what));
  ASSIGN_OR_RETURN(const std::string type, OptionalString(manifest, "mediaType", what));
  // A document that is an index to one reader and an image to another is neither (CVE-2021-41190).
  if ((!type.empty() && type != descriptor.media_type) || FindJson(manifest, "manifests")) {
    return absl::InvalidArgumentError(what + ": is not what its descriptor says");
  }
  ASSIGN_OR_RETURN(const Descriptor config, ParseDescriptor(FindJson(manifest, "config"), what));
  if (!IsConfigType(config.media_type)) return std::nullopt;
  ASSIGN_OR_RETURN(const json layers, OptionalList(manifest, "layers", what));
  ASSIGN_OR_RETURN(image.config, Locate(config, where));
  ASSIGN_OR_RETURN(const ImageConfig* read, ReadConfig(config, where));
  image.architecture = read->architecture;
  image.os = read->os;
  if (layers.size() != read->diff_ids.size() || layers.size() > kMaxLayersPerImage) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " lists ", layers.size(), " layers, its config has ", read->diff_ids.size(),
        " diff_ids, and at most ", kMaxLayersPerImage, " are accepted"));
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    ASSIGN_OR_RETURN(ArchiveLayer layer, ReadLayer(layers[i], read->diff_ids[i], where));
    image.layers.push_back(std::move(layer));
  }
  return image;
}

absl::Status LayoutReader::CollectIndex(const Descriptor& descriptor, const std::string& where,
                                        int depth, Found& found) {
  if (depth == kMaxIndexDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": an index nested deeper than ", kMaxIndexDepth, " levels"));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadBlob(descriptor, kMaxManifestBytes, where));
  const std::string what = where + ": index " + descriptor.digest.str();
  ASSIGN_OR_RETURN(const json index, ParseJson(text, what));
  ASSIGN_OR_RETURN(const json children, OptionalList(index, "manifests", what));
  for (const json& child : children) {
    ASSIGN_OR_RETURN(const bool may_run, MayRun(child, what));
    if (!may_run) continue;
    ASSIGN_OR_RETURN(const Descriptor parsed, ParseDescriptor(&child, what));
    const absl::Status status = Collect(parsed, where, depth + 1, found);
    if (absl::IsNotFound(status)) {
      found.missing.Update(status);
    } else {
      RETURN_IF_ERROR(status);
    }
  }
  return absl::OkStatus();
}

// What is neither an index nor an image is left out.
absl::Status LayoutReader::Collect(const Descriptor& descriptor, const std::string& where,
                                   int depth, Found& found) {
  if (!found.seen.insert(descriptor.digest).second) return absl::OkStatus();
  if (IsIndexType(descriptor.media_type)) return CollectIndex(descriptor, where, depth, found);
  if (!IsManifestType(descriptor.media_type)) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::optional<ArchiveImage> image, ReadImage(descriptor, where));
  const bool is_child = depth > 0;
  if (!image || (is_child && image->os != "linux")) return absl::OkStatus();
  found.images.push_back(*std::move(image));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ArchiveImage>> LayoutReader::ReadItem(const json& item,
                                                                   const std::string& where) {
  ASSIGN_OR_RETURN(const Descriptor descriptor, ParseDescriptor(&item, where));
  Found found;
  RETURN_IF_ERROR(Collect(descriptor, where, 0, found));
  if (found.images.size() == 1) return std::move(found.images.front());
  if (found.images.empty() && found.missing.ok()) return std::nullopt;
  if (found.images.empty()) return found.missing;
  std::set<std::string> architectures;
  for (const ArchiveImage& image : found.images) architectures.insert(image.architecture);
  return absl::UnimplementedError(absl::StrCat(
      where, ": is there for several platforms (", OneLine(absl::StrJoin(architectures, ", ")),
      "), and nodes get one of each name; keep one: `skopeo copy --override-arch ARCH "
      "oci-archive:IN:NAME oci-archive:OUT:NAME`"));
}

absl::StatusOr<json> LayoutReader::ReadItems() const {
  const std::string what = entries_.what() + ": index.json";
  const TarEntry* entry = entries_.Find("index.json");
  if (entry == nullptr) return absl::InvalidArgumentError(what + " is missing from this layout");
  ASSIGN_OR_RETURN(const std::string text, entries_.Read(*entry, kMaxManifestJsonBytes));
  ASSIGN_OR_RETURN(const json index, ParseJson(text, what));
  ASSIGN_OR_RETURN(const json items, OptionalList(index, "manifests", what));
  if (items.size() > kMaxImagesPerLoad) {
    return absl::ResourceExhaustedError(absl::StrCat(
        what, " has ", items.size(), " images, at most ", kMaxImagesPerLoad, " are accepted"));
  }
  return items;
}

std::vector<ArchiveImage> LayoutReader::ReadWhole() {
  Found found;
  const absl::StatusOr<json> items = ReadItems();
  if (!items.ok()) return {};
  for (const json& item : *items) {
    const std::string where = entries_.what() + ": index.json";
    const absl::StatusOr<Descriptor> descriptor = ParseDescriptor(&item, where);
    if (descriptor.ok()) Collect(*descriptor, where, 0, found).IgnoreError();
  }
  return std::move(found.images);
}

absl::StatusOr<ImageArchive> LayoutReader::Read() {
  const std::string what = entries_.what() + ": index.json";
  ASSIGN_OR_RETURN(const json items, ReadItems());
  ImageArchive archive;
  std::map<Digest, size_t> by_manifest;
  uint64_t layers = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    std::string where = absl::StrCat(what, ": image ", i + 1, " of ", items.size());
    ASSIGN_OR_RETURN(const std::string name, NameOf(items[i], where));
    if (!name.empty()) where = absl::StrCat(entries_.what(), ": ", OneLine(name));
    ASSIGN_OR_RETURN(std::optional<ArchiveImage> image, ReadItem(items[i], where));
    if (!image) continue;
    layers += image->layers.size();
    if (layers > kMaxLayersPerArchive) {
      return absl::ResourceExhaustedError(absl::StrCat(what, ": its images have more than ",
                                                       kMaxLayersPerArchive, " layers together"));
    }
    // An image with two names is there twice.
    const auto [it, is_new] = by_manifest.emplace(image->manifest_digest, archive.images.size());
    if (is_new) archive.images.push_back(*std::move(image));
    if (!name.empty()) archive.images[it->second].repo_tags.push_back(name);
  }
  return archive;
}

}  // namespace

absl::StatusOr<ImageArchive> ReadOciLayout(const ArchiveEntries& entries) {
  return LayoutReader(entries).Read();
}

std::vector<ArchiveImage> WholeImages(const ArchiveEntries& entries) {
  return LayoutReader(entries).ReadWhole();
}

}  // namespace lighter
