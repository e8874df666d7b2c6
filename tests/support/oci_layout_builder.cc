#include "tests/support/oci_layout_builder.h"

#include "tests/support/tar_writer.h"

namespace lighter::support {
namespace {

using nlohmann::json;

constexpr char kOci[] = "application/vnd.oci.image.";

std::string LayerType(Compression compression) {
  const std::string plain = std::string(kOci) + "layer.v1.tar";
  if (compression == Compression::kGzip) return plain + "+gzip";
  return compression == Compression::kZstd ? plain + "+zstd" : plain;
}

}  // namespace

json OciLayoutBuilder::AddBlob(const std::string& media_type, const Rope& bytes) {
  const Digest digest = bytes.digest();
  blobs_["blobs/sha256/" + digest.hex()] = bytes;
  return {{"mediaType", media_type}, {"digest", digest.str()}, {"size", bytes.size()}};
}

json OciLayoutBuilder::AddImage(const Image& image) {
  json layers = json::array();
  for (const Layer& layer : image.layers) {
    layers.push_back(AddBlob(LayerType(layer.compression), layer.blob));
  }
  const json config = AddBlob(std::string(kOci) + "config.v1+json", image.config);
  // Indented and annotated: nobody could rebuild these bytes from config and layers.
  const json manifest = {{"schemaVersion", 2},
                         {"mediaType", std::string(kOci) + "manifest.v1+json"},
                         {"config", config},
                         {"layers", layers},
                         {"annotations", {{"org.opencontainers.image.revision", "abc"}}}};
  return AddBlob(std::string(kOci) + "manifest.v1+json", manifest.dump(2));
}

json OciLayoutBuilder::AddIndex(const std::vector<json>& children) {
  const json index = {{"schemaVersion", 2}, {"manifests", children}};
  return AddBlob(std::string(kOci) + "index.v1+json", index.dump());
}

void OciLayoutBuilder::AddItem(json descriptor, const std::string& name,
                               const std::string& annotation) {
  if (!name.empty()) descriptor["annotations"][annotation] = name;
  items_.push_back(std::move(descriptor));
}

std::string OciLayoutBuilder::EntryOf(const json& descriptor) {
  return "blobs/sha256/" + descriptor["digest"].get<std::string>().substr(7);
}

Rope OciLayoutBuilder::Finish() const {
  TarWriter tar;
  for (const char* folder : {"blobs/", "blobs/sha256/"}) {
    tar.Add({.name = folder, .type = '5', .mode = 0755});
  }
  for (const auto& [name, bytes] : blobs_) tar.Add({.name = name, .mode = 0444}, bytes);
  tar.AddFile("index.json", json({{"schemaVersion", 2}, {"manifests", items_}}).dump());
  tar.AddFile("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
  return tar.Finish();
}

Rope OciLayoutTar(const std::vector<Image>& images) {
  OciLayoutBuilder layout;
  for (const Image& image : images) layout.AddItem(layout.AddImage(image), image.repo_tags.at(0));
  return layout.Finish();
}

}  // namespace lighter::support
