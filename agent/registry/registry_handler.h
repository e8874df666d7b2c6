// What the registry answers to a request; no sockets here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/registry/desired_names.h"
#include "agent/registry/http_request.h"
#include "agent/registry/manifest_blobs.h"
#include "agent/registry/registry_content.h"
#include "agent/registry/registry_route.h"

namespace lighter {

// A blob, or a part of it, that is to be read as it is sent.
struct BlobPart {
  Digest digest;
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t size = 0;  // of the whole blob
};

struct RegistryAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // without Content-Length
  std::string body;
  std::optional<BlobPart> blob;  // instead of `body`

  uint64_t length() const { return blob.has_value() ? blob->length : body.size(); }
};

// An error as the distribution spec has it ("Error Codes"): `code` is e.g. "NAME_UNKNOWN".
RegistryAnswer RegistryError(int status, std::string_view code, std::string_view message);

// Serves what the desired list of the moment holds, and to loopback names of its own only.
// Thread-safe.
class RegistryHandler {
 public:
  using Log = std::function<void(const std::string&)>;

  // Listens on `address` ("127.0.0.1", "[::1]") and `port`. `content` must outlive it.
  RegistryHandler(RegistryContent* content, std::string address, int port, Log log)
      : content_(content), address_(std::move(address)), port_(port), log_(std::move(log)) {}

  // Manifests are read for it, whole. A request for HEAD gets the answer to GET, whose body must
  // not be sent.
  RegistryAnswer Answer(const HttpRequest& request);

 private:
  // A list, and what its manifests hold.
  struct Known {
    Known(std::shared_ptr<const v1::Desired> list, RegistryContent* content)
        : names(std::move(list)), blobs(ReadFrom(content)) {}
    const DesiredNames names;
    ManifestBlobs blobs;
  };

  std::shared_ptr<Known> Now();
  bool IsOwnHost(std::string_view host) const;
  RegistryAnswer Manifest(const DesiredNames::Repository& repository, const std::string& reference);
  RegistryAnswer Blob(Known* known, const DesiredNames::Repository& repository,
                      const std::string& reference, const HttpRequest& request);
  // NotFound where no manifest of the repository lists `digest`, and all could be read.
  absl::Status CheckListed(Known* known, const DesiredNames::Repository& repository,
                           const Digest& digest);
  // 404 with `code` for NotFound, else 503 and a line in the log.
  RegistryAnswer Failure(const absl::Status& status, std::string_view code);

  RegistryContent* const content_;
  const std::string address_;
  const int port_;
  const Log log_;
  std::mutex mutex_;
  std::shared_ptr<Known> known_;
};

}  // namespace lighter
