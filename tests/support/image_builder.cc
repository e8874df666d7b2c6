#include "tests/support/image_builder.h"

#include <nlohmann/json.hpp>

#include "tests/support/compress.h"

namespace lighter::support {
namespace {

using nlohmann::json;

// "a/b/c" with `prefix` before the last part.
std::string WithPrefix(const std::string& path, const std::string& prefix) {
  const size_t base = path.rfind('/') + 1;  // 0 where there is no slash
  return path.substr(0, base) + prefix + path.substr(base);
}

void SetUnlessEmpty(json& object, const std::string& key, const std::vector<std::string>& value) {
  if (!value.empty()) object[key] = value;
}

}  // namespace

LayerEntry File(std::string path, Rope data, uint32_t mode) {
  return {.spec = {.name = std::move(path), .mode = mode}, .data = std::move(data)};
}

LayerEntry Folder(std::string path, uint32_t mode) {
  return {.spec = {.name = std::move(path) + "/", .type = '5', .mode = mode}};
}

LayerEntry Symlink(std::string path, std::string target) {
  return {.spec = {.name = std::move(path), .type = '2', .mode = 0777, .link = std::move(target)}};
}

LayerEntry Hardlink(std::string path, std::string target) {
  return {.spec = {.name = std::move(path), .type = '1', .link = std::move(target)}};
}

LayerEntry Whiteout(const std::string& path) { return File(WithPrefix(path, ".wh."), {}, 0); }

LayerEntry OpaqueFolder(const std::string& folder) { return File(folder + "/.wh..wh..opq", {}, 0); }

Layer MakeLayer(const std::vector<LayerEntry>& entries, Compression compression) {
  TarWriter tar;
  for (const LayerEntry& entry : entries) tar.Add(entry.spec, entry.data);
  return MakeLayerFromTar(tar.Finish().str(), compression);
}

Layer MakeLayerFromTar(std::string tar, Compression compression) {
  Layer layer;
  layer.compression = compression;
  layer.diff_id = Digest::Of(tar);
  layer.blob = compression == Compression::kNone ? std::move(tar) : Compress(tar, compression);
  layer.digest = layer.blob.digest();
  return layer;
}

Image MakeImage(std::vector<std::string> repo_tags, std::vector<Layer> layers,
                const ImageOptions& options) {
  json config = json::object();
  SetUnlessEmpty(config, "Entrypoint", options.entrypoint);
  SetUnlessEmpty(config, "Cmd", options.cmd);
  SetUnlessEmpty(config, "Env", options.env);
  if (!options.working_dir.empty()) config["WorkingDir"] = options.working_dir;
  if (!options.user.empty()) config["User"] = options.user;
  json diff_ids = json::array();
  json history = json::array();
  for (const Layer& layer : layers) {
    diff_ids.push_back(layer.diff_id.str());
    history.push_back({{"created", "1970-01-01T00:00:00Z"}, {"created_by", "COPY . /"}});
  }
  // Real configs have steps that made no layer; readers must not count history.
  history.push_back(
      {{"created", "1970-01-01T00:00:00Z"}, {"created_by", "ENTRYPOINT"}, {"empty_layer", true}});
  const json document = {{"architecture", options.architecture},
                         {"os", options.os},
                         {"created", "1970-01-01T00:00:00Z"},
                         {"config", config},
                         {"history", history},
                         {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
  Image image;
  image.repo_tags = std::move(repo_tags);
  image.config = document.dump();
  image.config_digest = Digest::Of(image.config);
  image.layers = std::move(layers);
  return image;
}

}  // namespace lighter::support
