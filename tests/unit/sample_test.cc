#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "coordinator/naming/hints.h"
#include "coordinator/package/package.h"
#include "tests/sample/sample_package.h"
#include "tests/support/temp_dir.h"

namespace lighter::sample {
namespace {

class SampleTest : public ::testing::Test {
 protected:
  Package Open(const PackageOptions& options) {
    const std::string path = dir_.File(std::to_string(options.version));
    EXPECT_TRUE(MakePackage(options).WriteTo(path).ok());
    auto package = OpenPackage(path);
    EXPECT_TRUE(package.ok()) << package.status();
    return package.ok() ? *std::move(package) : Package();
  }

  support::TempDir dir_;
};

std::set<Digest> Layers(const Package& package) {
  std::set<Digest> layers;
  for (const Bundle& bundle : package.bundles) {
    for (const ArchiveImage& image : bundle.images.images) {
      for (const ArchiveLayer& layer : image.layers) layers.insert(layer.blob.digest);
    }
  }
  return layers;
}

TEST_F(SampleTest, IsAPackageOfTheRealFormat) {
  const Package package = Open({.app = "app", .size_mib = 1, .addons = {"beacon"}});
  ASSERT_EQ(package.bundles.size(), 2u);
  const Bundle& bundle = package.bundles[0];
  EXPECT_EQ(bundle.name, "quayside_v0.1.0.bundle.tar");
  EXPECT_EQ(bundle.chart_name, "quayside");
  EXPECT_EQ(bundle.chart_version, "0.1.0");
  EXPECT_EQ(bundle.app_version, "v0.1.0");
  ASSERT_EQ(bundle.images.images.size(), 3u);
  EXPECT_EQ(bundle.images.images[1].repo_tags[0], "release.example.io/quayside/web:v0.1.0");
  EXPECT_EQ(package.bundles[1].chart_name, "quayside-beacon");
  const auto hints = ParseHints(bundle.hints, "hints.yaml");
  ASSERT_TRUE(hints.ok()) << hints.status();
  EXPECT_EQ(hints->size(), 3u);
}

TEST_F(SampleTest, VersionTwoChangesOnlyTheTopLayers) {
  const std::set<Digest> one = Layers(Open({.version = 1, .app = "app", .size_mib = 1}));
  const std::set<Digest> two = Layers(Open({.version = 2, .app = "app", .size_mib = 1}));
  EXPECT_EQ(one.size(), 8u) << "two base layers, three of components, three of releases";
  std::vector<Digest> both;
  std::set_intersection(one.begin(), one.end(), two.begin(), two.end(), std::back_inserter(both));
  EXPECT_EQ(both.size(), 5u);
}

TEST_F(SampleTest, StoredLayersAreWhatTheirNamesSay) {
  const Package package = Open({.app = "app", .size_mib = 1});
  for (const ArchiveImage& image : package.bundles.at(0).images.images) {
    for (const ArchiveLayer& layer : image.layers) {
      const auto bytes = package.bundles[0].file->ReadAt(layer.blob.offset, layer.blob.size);
      EXPECT_EQ(Digest::Of(bytes.value()), layer.blob.digest);
    }
  }
}

TEST_F(SampleTest, TheSameOptionsGiveTheSameBytes) {
  const PackageOptions options{.version = 2, .app = "app", .size_mib = 1, .addons = {"beacon"}};
  EXPECT_EQ(MakePackage(options).digest(), MakePackage(options).digest());
}

}  // namespace
}  // namespace lighter::sample
