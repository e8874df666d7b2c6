#include "agent/registry/registry_handler.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/registry/byte_range.h"
#include "common/oci.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr int kHttpPort = 80;  // which a Host need not name
constexpr std::string_view kNameUnknown = "NAME_UNKNOWN";
constexpr std::string_view kManifestUnknown = "MANIFEST_UNKNOWN";
constexpr std::string_view kBlobUnknown = "BLOB_UNKNOWN";

std::string MediaType(const v1::DesiredImage& image) {
  const std::string& type = image.manifest_media_type();
  const bool fits = !type.empty() && std::all_of(type.begin(), type.end(), absl::ascii_isgraph);
  return fits ? type : std::string(kDockerManifest);
}

}  // namespace

RegistryAnswer RegistryError(int status, std::string_view code, std::string_view message) {
  RegistryAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "application/json"}};
  const nlohmann::json error = {{"code", code}, {"message", message}};
  answer.body = nlohmann::json{{"errors", nlohmann::json::array({error})}}.dump();
  return answer;
}

std::shared_ptr<RegistryHandler::Known> RegistryHandler::Now() {
  std::shared_ptr<const v1::Desired> list = content_->desired();
  const std::lock_guard lock(mutex_);
  if (known_ == nullptr || known_->names.list() != list) {
    known_ = std::make_shared<Known>(std::move(list), content_);
  }
  return known_;
}

// A page in a browser on this node that has its own name resolved to 127.0.0.1 comes with that
// name.
bool RegistryHandler::IsOwnHost(std::string_view host) const {
  for (const std::string_view own :
       std::array<std::string_view, 4>{address_, "127.0.0.1", "localhost", "[::1]"}) {
    if (host == absl::StrCat(ToAbsl(own), ":", port_)) return true;
    if (port_ == kHttpPort && host == own) return true;
  }
  return false;
}

RegistryAnswer RegistryHandler::Answer(const HttpRequest& request) {
  if (!IsOwnHost(request.host)) {
    return RegistryError(403, "DENIED", "this registry answers to its own loopback name only");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    RegistryAnswer answer = RegistryError(405, "UNSUPPORTED", "this registry is read-only");
    answer.headers.emplace_back("Allow", "GET, HEAD");
    return answer;
  }
  const std::optional<RegistryRoute> route = ParseRegistryRoute(request.target);
  if (!route.has_value()) {
    return RegistryError(404, "UNSUPPORTED", "this registry serves manifests and blobs only");
  }
  if (route->kind == RegistryRoute::Kind::kBase) {
    return {200, {{"Content-Type", "application/json"}}, "{}", std::nullopt};
  }

  const std::shared_ptr<Known> known = Now();
  const DesiredNames::Repository* const repository =
      known->names.Find(route->mirrored.value_or(request.host), route->repository);
  if (repository == nullptr) {
    return RegistryError(404, kNameUnknown, "no image of that repository was loaded");
  }
  return route->kind == RegistryRoute::Kind::kManifest
             ? Manifest(*repository, route->reference)
             : Blob(known.get(), *repository, route->reference, request);
}

RegistryAnswer RegistryHandler::Manifest(const DesiredNames::Repository& repository,
                                         const std::string& reference) {
  const v1::DesiredImage* image = nullptr;
  if (const absl::StatusOr<Digest> digest = Digest::Parse(reference); digest.ok()) {
    const auto found = repository.manifests.find(*digest);
    if (found != repository.manifests.end()) image = found->second;
  } else if (const auto found = repository.tags.find(reference); found != repository.tags.end()) {
    image = found->second;
  }
  if (image == nullptr) {
    return RegistryError(404, kManifestUnknown, "no such tag or digest was loaded");
  }
  absl::StatusOr<std::string> manifest = ReadManifest(ReadFrom(content_), *image);
  if (!manifest.ok()) return Failure(manifest.status(), kManifestUnknown);
  return {
      200,
      {{"Content-Type", MediaType(*image)}, {"Docker-Content-Digest", image->manifest_digest()}},
      *std::move(manifest),
      std::nullopt};
}

absl::Status RegistryHandler::CheckListed(Known* known, const DesiredNames::Repository& repository,
                                          const Digest& digest) {
  absl::Status verdict = absl::NotFoundError("no image of that repository has such a blob");
  for (const auto& [manifest, image] : repository.manifests) {
    const auto blobs = known->blobs.Get(*image);
    if (blobs.ok() && (*blobs)->contains(digest)) return absl::OkStatus();
    // One that nobody holds any more says nothing about the others.
    if (!blobs.ok() && !absl::IsNotFound(blobs.status())) verdict = blobs.status();
  }
  return verdict;
}

RegistryAnswer RegistryHandler::Blob(Known* known, const DesiredNames::Repository& repository,
                                     const std::string& reference, const HttpRequest& request) {
  const absl::StatusOr<Digest> digest = Digest::Parse(reference);
  if (!digest.ok()) return RegistryError(404, kBlobUnknown, "blobs have sha256 digests here");
  const absl::Status listed = CheckListed(known, repository, *digest);
  if (!listed.ok()) return Failure(listed, kBlobUnknown);
  const absl::StatusOr<uint64_t> size = content_->Size(*digest);
  if (!size.ok()) return Failure(size.status(), kBlobUnknown);

  // The RFC gives ranges a meaning for GET alone.
  const ByteRange range = ParseByteRange(request.method == "GET" ? request.range : "", *size);
  if (range.kind == ByteRange::Kind::kUnsatisfiable) {
    RegistryAnswer answer =
        RegistryError(416, "RANGE_INVALID", "the range starts behind the blob's end");
    answer.headers.emplace_back("Content-Range", absl::StrCat("bytes */", *size));
    return answer;
  }
  RegistryAnswer answer{200,
                        {{"Content-Type", "application/octet-stream"},
                         {"Docker-Content-Digest", digest->str()},
                         {"Accept-Ranges", "bytes"}},
                        "",
                        BlobPart{*digest, range.offset, range.length, *size}};
  if (range.kind == ByteRange::Kind::kPart) {
    answer.status = 206;
    answer.headers.emplace_back(
        "Content-Range",
        absl::StrCat("bytes ", range.offset, "-", range.offset + range.length - 1, "/", *size));
  }
  return answer;
}

RegistryAnswer RegistryHandler::Failure(const absl::Status& status, std::string_view code) {
  if (absl::IsNotFound(status)) {
    return RegistryError(404, code, "neither this node nor another one holds it");
  }
  log_("the registry cannot serve a pull: " + Message(status));
  return RegistryError(503, "UNAVAILABLE", "it cannot be read now");
}

}  // namespace lighter
