#include "common/oci.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

std::string DescriptorJson(const Descriptor& d) {
  return absl::StrCat("{\"mediaType\":\"", d.media_type, "\",\"digest\":\"", d.digest.str(),
                      "\",\"size\":", d.size, "}");
}

// A descriptor over several lines, its braces indented by `indent` spaces.
std::string PushedDescriptorJson(const Descriptor& d, int indent) {
  const std::string outer(indent, ' ');
  const std::string inner(indent + 3, ' ');
  return absl::StrCat("{\n", inner, "\"mediaType\": \"", d.media_type, "\",\n", inner,
                      "\"size\": ", d.size, ",\n", inner, "\"digest\": \"", d.digest.str(), "\"\n",
                      outer, "}");
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

std::string DockerPushManifestJson(const Descriptor& config,
                                   const std::vector<Descriptor>& layers) {
  std::string json =
      absl::StrCat("{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"", ToAbsl(kDockerManifest),
                   "\",\n   \"config\": ", PushedDescriptorJson(config, 3), ",\n   \"layers\": [");
  for (size_t i = 0; i < layers.size(); ++i) {
    absl::StrAppend(&json, i == 0 ? "\n" : ",\n", "      ", PushedDescriptorJson(layers[i], 6));
  }
  absl::StrAppend(&json, layers.empty() ? "]" : "\n   ]", "\n}");
  return json;
}

std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids) {
    chain.push_back(chain.empty() ? diff_id : Digest::Of(chain.back().str() + " " + diff_id.str()));
  }
  return chain;
}

}  // namespace lighter
