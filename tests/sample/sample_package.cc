#include "tests/sample/sample_package.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "tests/sample/sample_chart.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/image_builder.h"

namespace lighter::sample {
namespace {

using support::Layer;
using support::LayerEntry;

// Shares of the stored size. What all images and both versions share is most of it, as in real
// platforms; an upgrade changes 5 %.
constexpr uint64_t kComponentPercent = 8;  // of each of the three images alone, in both versions
constexpr uint64_t kReleasePermille = 17;  // of each image in one version
constexpr uint64_t kMaxLayerBytes = 128 * kMiB;
constexpr uint64_t kMaxFileBytes = kMiB;

// Bytes as layers have them: three quarters of what is stored does not compress (libraries,
// archives), the rest is text that gzip makes five times smaller.
class FileMaker {
 public:
  explicit FileMaker(std::string_view seed) {
    const std::string hex = Digest::Of(seed).hex();
    random_.seed(std::stoull(hex.substr(0, 16), nullptr, 16));
    for (int i = 0; i < 256; ++i) {
      std::string word;
      for (uint64_t length = 3 + random_() % 8; length > 0; --length) {
        word += static_cast<char>('a' + random_() % 26);
      }
      words_.push_back(word + " ");
    }
  }

  // Files below `folder` that take about `stored` bytes in a compressed layer.
  void AddFiles(const std::string& folder, uint64_t stored, std::vector<LayerEntry>& entries) {
    entries.push_back(support::Folder(folder));
    for (uint64_t left = stored, i = 0; left > 0; ++i) {
      const bool is_text = i % 4 == 3;
      const uint64_t size = std::min(left, 1 + random_() % kMaxFileBytes);
      left -= size;
      entries.push_back(is_text
                            ? support::File(absl::StrCat(folder, "/text-", i), Text(5 * size))
                            : support::File(absl::StrCat(folder, "/lib-", i), Noise(size), 0755));
    }
  }

 private:
  std::string Noise(uint64_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      const uint64_t value = random_();
      bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    bytes.resize(size);
    return bytes;
  }

  std::string Text(uint64_t size) {
    std::string text;
    while (text.size() < size) text += words_[random_() % words_.size()];
    text.resize(size);
    return text;
  }

  std::mt19937_64 random_;  // the same numbers on every machine
  std::vector<std::string> words_;
};

Layer DataLayer(const std::string& folder, uint64_t stored, std::vector<LayerEntry> entries = {}) {
  FileMaker(folder).AddFiles(folder, stored, entries);
  return support::MakeLayer(entries);
}

// The lowest layers, the same in all images and versions: the data in layers of at most 128 MiB,
// then the program.
std::vector<Layer> BaseLayers(uint64_t stored, const std::string& app) {
  std::vector<Layer> layers;
  const uint64_t count = std::max<uint64_t>(1, (stored + kMaxLayerBytes - 1) / kMaxLayerBytes);
  for (uint64_t i = 0; i < count; ++i) {
    layers.push_back(DataLayer(absl::StrCat("base-", i), stored / count));
  }
  layers.push_back(support::MakeLayer({
      support::Folder("etc"),
      support::File("etc/passwd", "root:x:0:0:root:/:/app\n"),
      support::Folder("tmp", 01777),
      support::File("app", app, 0755),
      support::Folder("bin"),
      support::Symlink("bin/app", "../app"),
  }));
  return layers;
}

support::Image MakeComponent(const std::string& component, const std::string& version,
                             const std::vector<Layer>& base, const PackageOptions& options) {
  const uint64_t total = options.size_mib * kMiB;
  std::vector<Layer> layers = base;
  layers.push_back(DataLayer("component-" + component, total * kComponentPercent / 100));
  layers.push_back(
      DataLayer(absl::StrCat("release-", component, "-", version), total * kReleasePermille / 1000,
                {support::File("version", absl::StrCat(component, " ", version, "\n"))}));
  return support::MakeImage(
      {absl::StrCat(kRegistry, "/quayside/", component, ":v", version)}, std::move(layers),
      {.architecture = options.architecture, .entrypoint = {"/app"}, .working_dir = "/"});
}

std::pair<std::string, support::Rope> MakeBundle(const Chart& chart, const std::string& version,
                                                 const std::vector<support::Image>& images) {
  return {
      absl::StrCat(chart.name, "_v", version, ".bundle.tar"),
      support::BundleTar(
          {.hints = chart.hints, .chart = chart.files, .images_tar = support::ImagesTar(images)})};
}

}  // namespace

support::Rope MakePackage(const PackageOptions& options) {
  const std::string version = absl::StrCat("0.", options.version, ".0");
  const uint64_t own =
      options.size_mib * kMiB * (3 * kComponentPercent * 10 + 3 * kReleasePermille) / 1000;
  const std::vector<Layer> base = BaseLayers(options.size_mib * kMiB - own, options.app);
  const auto component = [&](const std::string& name) {
    return MakeComponent(name, version, base, options);
  };
  std::vector<std::pair<std::string, support::Rope>> files;
  files.push_back(MakeBundle(PlatformChart(version), version,
                             {component("helper"), component("web"), component("worker")}));
  for (const std::string& addon : options.addons) {
    files.push_back(MakeBundle(AddonChart(addon, version), version, {component(addon)}));
  }
  files.emplace_back("README.md", "The sample platform quayside, version " + version + ".\n");
  return support::PackageTar(files, absl::StrCat("quayside_v", version, "_", options.architecture));
}

}  // namespace lighter::sample
