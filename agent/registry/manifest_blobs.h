// The manifests of desired images: read through a RegistryContent, checked, and what they list.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/registry/registry_content.h"
#include "common/digest.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// The manifest's bytes, which have its digest. NotFound where nobody holds it; DataLoss where the
// bytes are others or more than 16 MiB; else the content's error.
absl::StatusOr<std::string> ReadManifest(RegistryContent* content, const v1::DesiredImage& image);

// The digests of config and layers. InvalidArgument for anything but an image manifest (OCI or
// Docker schema 2).
absl::StatusOr<std::set<Digest>> ParseManifestBlobs(std::string_view manifest);

// What manifests list, each read once. Thread-safe.
class ManifestBlobs {
 public:
  // `content` must outlive it.
  explicit ManifestBlobs(RegistryContent* content) : content_(content) {}

  // Errors as of the functions above; they are not kept, so the next call tries again.
  absl::StatusOr<std::shared_ptr<const std::set<Digest>>> Get(const v1::DesiredImage& image);

 private:
  RegistryContent* const content_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const std::set<Digest>>> known_;  // by manifest digest
};

}  // namespace lighter
