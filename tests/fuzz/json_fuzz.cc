// JSON from outside, and image manifests in it: what is taken is within bounds and comes out as it
// went in.
#include <algorithm>

#include "agent/registry/manifest_blobs.h"
#include "common/json.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

int Depth(const nlohmann::json& value) {
  if (!value.is_structured()) return 0;
  int deepest = 0;
  for (const nlohmann::json& item : value) deepest = std::max(deepest, Depth(item));
  return deepest + 1;
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const std::string_view text = fuzz::AsText(data, size);
  const auto value = ParseJson(text, "fuzz.json");
  if (!value.ok()) {
    REQUIRE(!ParseManifestBlobs(text).ok());
    return 0;
  }
  REQUIRE(Depth(*value) <= 64);
  const auto again = ParseJson(value->dump(), "again");
  REQUIRE(again.ok() && *again == *value);
  const auto blobs = ParseManifestBlobs(text);
  if (!blobs.ok()) return 0;
  const nlohmann::json& layers = *FindJson(*value, "layers");
  REQUIRE(!blobs->empty() && blobs->size() <= layers.size() + 1);
  for (const nlohmann::json& layer : layers) {
    REQUIRE(blobs->contains(Digest::Parse(layer["digest"].get<std::string>()).value()));
  }
  return 0;
}
