#include "agent/registry/manifest_blobs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

absl::StatusOr<Digest> DigestOf(const nlohmann::json* descriptor) {
  const nlohmann::json* const digest =
      descriptor == nullptr ? nullptr : FindJson(*descriptor, "digest");
  if (digest == nullptr || !digest->is_string()) {
    return absl::InvalidArgumentError("it is no image manifest: a digest is missing");
  }
  return Digest::Parse(digest->get_ref<const std::string&>());
}

}  // namespace

ReadSmallBlob ReadFrom(RegistryContent* content) {
  return [content](const Digest& digest) -> absl::StatusOr<std::string> {
    std::string blob;
    bool too_large = false;
    const absl::Status read = content->Read(digest, 0, [&](std::string_view bytes) {
      too_large = bytes.size() > kMaxConfigBytes - blob.size();
      if (too_large) return absl::DataLossError("too large");
      blob.append(bytes);
      return absl::OkStatus();
    });
    if (too_large) {
      return absl::DataLossError(
          absl::StrCat("blob ", digest.str(), " has more than ", kMaxConfigBytes, " bytes"));
    }
    RETURN_IF_ERROR(read);
    return blob;
  };
}

absl::StatusOr<std::string> ReadManifest(const ReadSmallBlob& read, const v1::DesiredImage& image) {
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(image.manifest_digest()));
  ASSIGN_OR_RETURN(std::string manifest, read(digest));
  if (Digest::Of(manifest) != digest) {
    return absl::DataLossError(absl::StrCat("manifest ", digest.str(),
                                            " is damaged where it is held: its bytes have digest ",
                                            Digest::Of(manifest).str()));
  }
  return manifest;
}

absl::StatusOr<std::set<Digest>> ParseManifestBlobs(std::string_view manifest) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(manifest, "manifest"));
  const nlohmann::json* const layers = FindJson(json, "layers");
  if (layers == nullptr || !layers->is_array()) {
    return absl::InvalidArgumentError("it is no image manifest: it has no layers");
  }
  std::set<Digest> blobs;
  ASSIGN_OR_RETURN(const Digest config, DigestOf(FindJson(json, "config")));
  blobs.insert(config);
  for (const nlohmann::json& layer : *layers) {
    ASSIGN_OR_RETURN(const Digest digest, DigestOf(&layer));
    blobs.insert(digest);
  }
  return blobs;
}

absl::StatusOr<std::shared_ptr<const std::set<Digest>>> ManifestBlobs::Get(
    const v1::DesiredImage& image) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(image.manifest_digest());
    if (found != known_.end()) return found->second;
  }
  // Without the lock: it may come from another node. Two at once read it twice, which harms nobody.
  ASSIGN_OR_RETURN(const std::string manifest, ReadManifest(read_, image));
  absl::StatusOr<std::set<Digest>> blobs = ParseManifestBlobs(manifest);
  if (!blobs.ok()) return Annotate(blobs.status(), "manifest " + image.manifest_digest());
  const std::lock_guard lock(mutex_);
  return known_
      .emplace(image.manifest_digest(), std::make_shared<const std::set<Digest>>(*std::move(blobs)))
      .first->second;
}

}  // namespace lighter
