// What a coordinator asks an agent to hold: a config, two manifests (JSON), each with its names
// (one a line) behind it. Digests and descriptors are made to fit the manifests, so that what is
// checked behind them is reached.
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_split.h"
#include "agent/checked_image.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

std::string TextAt(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = FindJson(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

void FillBlob(const nlohmann::json& descriptor, v1::Blob* blob) {
  blob->set_digest(TextAt(descriptor, "digest"));
  const nlohmann::json* size = FindJson(descriptor, "size");
  if (size != nullptr && size->is_number_unsigned()) blob->set_size(size->get<uint64_t>());
}

void FillImage(std::string_view manifest, std::string_view names, v1::Image* image) {
  image->set_manifest(std::string(manifest));
  image->set_manifest_digest(Digest::Of(manifest).str());
  const auto json = ParseJson(manifest, "manifest").value_or(nlohmann::json());
  image->set_manifest_media_type(TextAt(json, "mediaType"));
  if (const nlohmann::json* config = FindJson(json, "config")) {
    FillBlob(*config, image->mutable_config());
  }
  const nlohmann::json* layers = FindJson(json, "layers");
  for (const nlohmann::json& listed : layers == nullptr ? nlohmann::json() : *layers) {
    v1::Layer& layer = *image->add_layers();
    FillBlob(listed, layer.mutable_blob());
    layer.set_media_type(TextAt(listed, "mediaType"));
    layer.set_diff_id(layer.blob().digest());
  }
  for (const absl::string_view name : absl::StrSplit(ToAbsl(names), '\n', absl::SkipEmpty())) {
    image->add_names(std::string(name));
  }
}

void CheckAccepted(const std::vector<CheckedImage>& images) {
  std::map<Digest, uint64_t> sizes;
  std::set<std::string> names;
  for (const CheckedImage& image : images) {
    REQUIRE(Digest::Of(image.manifest) == image.target.digest);
    REQUIRE(image.config.size <= kMaxConfigBytes && image.layers.size() <= kMaxLayersPerImage);
    REQUIRE(sizes.emplace(image.config.digest, image.config.size).first->second ==
            image.config.size);
    for (const CheckedLayer& layer : image.layers) {
      REQUIRE(layer.blob.size > 0);
      REQUIRE(sizes.emplace(layer.blob.digest, layer.blob.size).first->second == layer.blob.size);
    }
    REQUIRE(!image.names.empty());
    for (const Reference& name : image.names) {
      REQUIRE(names.insert(name.str()).second);
      REQUIRE(name.digest.empty() || name.digest == image.target.digest.str());
    }
  }
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto [config, first, first_names, second, second_names] =
      fuzz::Sections<5>(fuzz::AsText(data, size));
  v1::LoadStart request;
  FillImage(first, first_names, request.add_images());
  if (!second.empty()) FillImage(second, second_names, request.add_images());
  const auto images = CheckImages(request.images());
  if (!images.ok()) return 0;
  REQUIRE(images->size() == static_cast<size_t>(request.images_size()));
  CheckAccepted(*images);
  (void)CheckConfig(images->front(), std::string(config));
  return 0;
}
