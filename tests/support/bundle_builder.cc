#include "tests/support/bundle_builder.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/support/tar_writer.h"

namespace lighter::support {
namespace {

using nlohmann::json;

// The names that a style gives to configs and layers; all but docker save name them by digest.
std::string ConfigName(const Image& image, ArchiveStyle style) {
  switch (style) {
    case ArchiveStyle::kChartsSyncer:
      return image.config_digest.str();
    case ArchiveStyle::kDockerSave:
    case ArchiveStyle::kSkopeo:
      return image.config_digest.hex() + ".json";
    case ArchiveStyle::kDockerSave25:
      break;
  }
  return "blobs/sha256/" + image.config_digest.hex();
}

std::string LayerName(const Layer& layer, ArchiveStyle style) {
  switch (style) {
    case ArchiveStyle::kChartsSyncer:
      return layer.digest.hex() + ".tar.gz";
    case ArchiveStyle::kSkopeo:
      return layer.digest.hex() + ".tar";
    default:
      return "blobs/sha256/" + layer.digest.hex();
  }
}

// Docker's old format gives every layer of every image its own folder, named by an ID that is no
// digest of the stored bytes; a layer's second folder holds a symlink to the first.
class DockerSaveLayers {
 public:
  std::string Add(const Layer& layer, size_t image, size_t index, TarWriter& tar) {
    const std::string id =
        Digest::Of(layer.digest.hex() + std::to_string(image) + "/" + std::to_string(index)).hex();
    std::string name = id + "/layer.tar";
    tar.Add({.name = id + "/", .type = '5', .mode = 0755});
    tar.AddFile(id + "/VERSION", "1.0");
    tar.AddFile(id + "/json", json({{"id", id}}).dump());
    const auto [first, is_new] = first_.emplace(layer.digest, id);
    if (is_new) {
      tar.AddFile(name, layer.blob);
    } else {
      tar.Add(
          {.name = name, .type = '2', .mode = 0777, .link = "../" + first->second + "/layer.tar"});
    }
    return name;
  }

 private:
  std::map<Digest, std::string> first_;
};

// Writes the folder's entry; the prefix of the names in it. Nothing and "" for no folder.
std::string AddLeadingFolder(const std::string& folder, TarWriter& tar) {
  if (folder.empty()) return "";
  tar.Add({.name = folder + "/", .type = '5', .mode = 0755});
  return folder + "/";
}

}  // namespace

Rope ImagesTar(const std::vector<Image>& images, ArchiveStyle style) {
  TarWriter tar;
  DockerSaveLayers docker_save;
  std::set<std::string> written;
  json manifest = json::array();
  for (size_t i = 0; i < images.size(); ++i) {
    const Image& image = images[i];
    const std::string config_name = ConfigName(image, style);
    // ggcr writes a config again for each reference to the image.
    if (style == ArchiveStyle::kChartsSyncer || written.insert(config_name).second) {
      tar.AddFile(config_name, image.config);
    }
    json layers = json::array();
    for (size_t j = 0; j < image.layers.size(); ++j) {
      const Layer& layer = image.layers[j];
      if (style == ArchiveStyle::kDockerSave) {
        layers.push_back(docker_save.Add(layer, i, j, tar));
        continue;
      }
      const std::string name = LayerName(layer, style);
      if (written.insert(name).second) tar.AddFile(name, layer.blob);
      layers.push_back(name);
    }
    manifest.push_back({{"Config", config_name}, {"RepoTags", nullptr}, {"Layers", layers}});
    if (!image.repo_tags.empty()) manifest.back()["RepoTags"] = image.repo_tags;
  }
  if (style == ArchiveStyle::kDockerSave25) {
    tar.AddFile("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    tar.AddFile("index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
  }
  tar.AddFile("manifest.json", manifest.dump());
  return tar.Finish();
}

Rope BundleTar(const BundleSpec& spec) {
  TarWriter tar;
  const std::string prefix = AddLeadingFolder(spec.folder, tar);
  tar.AddFile(prefix + "hints.yaml", spec.hints);
  for (const auto& [name, content] : spec.chart) {
    tar.AddFile(absl::StrCat(prefix, "original-chart/", name), content);
  }
  if (spec.images_tar) tar.AddFile(prefix + "images.tar", *spec.images_tar);
  return tar.Finish();
}

Rope PackageTar(const std::vector<std::pair<std::string, Rope>>& files, const std::string& folder) {
  TarWriter tar;
  const std::string prefix = AddLeadingFolder(folder, tar);
  for (const auto& [name, content] : files) {
    tar.AddFile(absl::StrCat(prefix, name), content);
  }
  return tar.Finish();
}

}  // namespace lighter::support
