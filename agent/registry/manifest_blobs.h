// The manifests of desired images, checked, and what they list.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/registry/registry_content.h"
#include "common/digest.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// Gives a small blob, whole; its bytes need not be what its digest says.
using ReadSmallBlob = std::function<absl::StatusOr<std::string>(const Digest&)>;

// From a content: DataLoss where it has more than 16 MiB; else the content's error.
ReadSmallBlob ReadFrom(RegistryContent* content);

// The manifest's bytes, which have its digest. DataLoss where those that came are others; else the
// error of `read`.
absl::StatusOr<std::string> ReadManifest(const ReadSmallBlob& read, const v1::DesiredImage& image);

// The digests of config and layers. InvalidArgument for anything but an image manifest (OCI or
// Docker schema 2).
absl::StatusOr<std::set<Digest>> ParseManifestBlobs(std::string_view manifest);

// What manifests list, each read once. Thread-safe.
class ManifestBlobs {
 public:
  explicit ManifestBlobs(ReadSmallBlob read) : read_(std::move(read)) {}

  // Errors as of the functions above; they are not kept, so the next call tries again.
  absl::StatusOr<std::shared_ptr<const std::set<Digest>>> Get(const v1::DesiredImage& image);

 private:
  const ReadSmallBlob read_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const std::set<Digest>>> known_;  // by manifest digest
};

}  // namespace lighter
