// The head of an HTTP request to the node's own registry, and what it answers.
#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/registry/registry_handler.h"
#include "common/json.h"
#include "common/oci.h"
#include "common/status.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_content.h"

namespace lighter {
namespace {

constexpr uint64_t kLayerBytes = 1000;

// A node that holds one image, and a blob that belongs to none.
class Node {
 public:
  Node() {
    config_ = content_.Add("{}");
    layer_ = content_.Add(std::string(kLayerBytes, 'x'));
    content_.Add("a secret of another's");
    const std::string manifest = DockerManifestJson({std::string(kDockerConfig), config_, 2},
                                                    {{std::string(kDockerLayer), layer_, 1000}});
    v1::Desired list;
    v1::DesiredImage& image = *list.add_releases()->add_images();
    image.set_manifest_digest(content_.Add(manifest).str());
    image.set_manifest_size(manifest.size());
    image.add_names("127.0.0.1:7444/quayside/web:v1");
    image.add_names("quay.io/quayside/web:v1");
    content_.SetDesired(list);
  }

  void Check(const HttpRequest& request) {
    const RegistryAnswer answer = handler_.Answer(request);
    const std::set<int> known = {200, 206, 403, 404, 405, 416, 503};
    REQUIRE(known.contains(answer.status));
    for (const auto& [name, value] : answer.headers) {
      REQUIRE(std::all_of(value.begin(), value.end(), absl::ascii_isprint));
    }
    if (answer.status >= 400) {
      const auto error = ParseJson(answer.body, "error");
      REQUIRE(error.ok() && error->contains("errors") && !answer.blob.has_value());
    }
    if (!answer.blob.has_value()) return;
    const BlobPart& part = *answer.blob;
    REQUIRE(part.digest == config_ || part.digest == layer_);
    REQUIRE(part.size == (part.digest == config_ ? 2 : kLayerBytes));
    REQUIRE(part.length >= 1 && part.length <= part.size);
    REQUIRE(part.offset <= part.size - part.length);
    REQUIRE((answer.status == 206) || (part.offset == 0 && part.length == part.size));
  }

 private:
  support::MemoryContent content_;
  RegistryHandler handler_{&content_, "127.0.0.1", 7444, [](const std::string&) {}};
  Digest config_;
  Digest layer_;
};

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  static Node node;
  const auto request = ParseHttpRequest(fuzz::AsText(data, size));
  if (!request.ok()) return 0;
  REQUIRE(request->target.size() <= kMaxHttpTargetBytes);
  REQUIRE(absl::AsciiStrToLower(request->host) == request->host);
  node.Check(*request);
  return 0;
}
