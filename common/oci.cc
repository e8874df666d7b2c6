#include "common/oci.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

std::string DescriptorJson(const Descriptor& d) {
  return absl::StrCat("{\"mediaType\":\"", d.media_type, "\",\"digest\":\"", d.digest.str(),
                      "\",\"size\":", d.size, "}");
}

}  // namespace

std::string DockerManifestJson(const Descriptor& config, const std::vector<Descriptor>& layers) {
  std::string json = absl::StrCat("{\"schemaVersion\":2,\"mediaType\":\"", ToAbsl(kDockerManifest),
                                  "\",\"config\":", DescriptorJson(config), ",\"layers\":[");
  for (size_t i = 0; i < layers.size(); ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ",", DescriptorJson(layers[i]));
  }
  absl::StrAppend(&json, "]}");
  return json;
}

std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids) {
  std::vector<Digest> chain;
  for (const Digest& diff_id : diff_ids) {
    chain.push_back(chain.empty() ? diff_id
                                  : Digest::Of(chain.back().str() + " " + diff_id.str()));
  }
  return chain;
}

}  // namespace lighter
