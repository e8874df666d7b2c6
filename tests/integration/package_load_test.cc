// Packages on disk, loaded as `lighter load` does it.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "common/status.h"
#include "coordinator/package/checksum.h"
#include "coordinator/package/package.h"
#include "coordinator/plan/load_work.h"
#include "coordinator/run/load_run.h"
#include "tests/integration/node_test.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/oci_layout_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter::testing {
namespace {

using ::testing::HasSubstr;

class PackageLoadTest : public NodeTest {
 protected:
  // A bundle for each archive.
  void WritePackage(const std::vector<support::Rope>& archives) {
    std::vector<std::pair<std::string, support::Rope>> bundles;
    for (const support::Rope& images_tar : archives) {
      const std::string chart = "chart" + std::to_string(bundles.size());
      bundles.emplace_back(
          chart + ".bundle.tar",
          support::BundleTar({.hints = "",
                              .chart = {{"Chart.yaml", "name: " + chart + "\nversion: 1.0.0\n"}},
                              .images_tar = images_tar,
                              .folder = {}}));
    }
    ASSERT_OK(support::PackageTar(bundles).WriteTo(path_));
  }

  // Every image under its own name, onto the one node.
  absl::StatusOr<LoadReport> LoadPackage() { return LoadPackage(path_); }
  absl::StatusOr<LoadReport> LoadPackage(const std::string& path) {
    Plan plan;
    ASSIGN_OR_RETURN(plan.package, OpenPackage(path));
    ASSIGN_OR_RETURN(plan.checksums, FindChecksums(plan.package));
    for (size_t bundle = 0; bundle < plan.package.bundles.size(); ++bundle) {
      PlannedBundle& planned = plan.releases.bundles.emplace_back();
      planned.bundle = bundle;
      const std::vector<ArchiveImage>& images = plan.package.bundles[bundle].images.images;
      for (size_t i = 0; i < images.size(); ++i) {
        planned.names.targets.push_back({.image = i, .name = images[i].repo_tags.front()});
      }
    }
    ASSIGN_OR_RETURN(plan.work, MakeLoadWork(plan.package, plan.releases, "run"));
    NodePlan& node = plan.nodes.nodes.emplace_back();
    node.name = "node";
    node.endpoint = {.name = "node", .stub = {agent(), [](v1::Agent::StubInterface*) {}}};
    *node.inventory.add_names() = {};  // not proven
    return LoadNodes(plan, ChecksumVerifier(plan.checksums), ProgressMode::kNone);
  }

  support::TempDir dir_;
  const std::string path_ = dir_.File("p.tar");
};
FOR_EVERY_CONTAINERD(PackageLoadTest);

TEST_P(PackageLoadTest, AWrongChecksumLeavesTheNodeAsItWas) {
  WritePackage({support::ImagesTar(
      {support::MakeImage({"example.com/a:1"}, {DataLayer("a", 300'000, 1)})})});
  std::ofstream(dir_.File("p_checksum.sha512sum")) << std::string(128, '0') << "  p.tar";
  const NodeListing before = List();
  const absl::StatusOr<LoadReport> report = LoadPackage();
  ASSERT_OK(report.status());
  EXPECT_FALSE(report->AllProven());
  EXPECT_THAT(Message(report->package), HasSubstr("p_checksum.sha512sum says 0000"));
  ASSERT_OK(report->nodes[0].put_back);
  EXPECT_EQ(List(), before);
  ExpectNothingLeaked();
}

TEST_P(PackageLoadTest, LayersThatBundlesShareMoveOnce) {
  const support::Layer base = DataLayer("base", 300'000, 1);
  const support::Image a = support::MakeImage({"example.com/a:1"}, {base});
  const support::Image b =
      support::MakeImage({"example.com/b:1"}, {base, DataLayer("b", 10'000, 2)});
  WritePackage({support::ImagesTar({a}), support::OciLayoutTar({b})});
  const absl::StatusOr<LoadReport> report = LoadPackage();
  ASSERT_OK(report.status());
  EXPECT_TRUE(report->AllProven()) << report->package << report->nodes[0].status;
  EXPECT_EQ(report->nodes[0].moved_bytes,
            base.blob.size() + b.layers[1].blob.size() + a.config.size() + b.config.size());
}

TEST_P(PackageLoadTest, AnOciLayoutKeepsItsManifest) {
  const support::Image image = support::MakeImage(
      {"example.com/a:1"},
      {DataLayer("a", 300'000, 1),
       support::MakeLayer({support::File("b", RandomBytes(50'000, 2))}, Compression::kZstd),
       support::MakeLayer({support::File("c", RandomBytes(50'000, 3))}, Compression::kNone)});
  support::OciLayoutBuilder layout;
  const nlohmann::json manifest = layout.AddImage(image);
  layout.AddItem(layout.AddIndex({manifest}), "example.com/a:1");
  WritePackage({layout.Finish()});
  const absl::StatusOr<LoadReport> report = LoadPackage();
  ASSERT_OK(report.status());
  EXPECT_TRUE(report->AllProven()) << report->package << report->nodes[0].status;
  const auto line = containerd().Ctr({"images", "ls", "name==example.com/a:1"});
  ASSERT_OK(line.status());
  EXPECT_THAT(*line, HasSubstr(manifest["digest"].get<std::string>()));
  ExpectNothingLeaked();
}

// What `ctr images export` makes of an image, with the bytes of the real thing: the digest comes
// through, whatever manifest.json is beside it.
TEST_P(PackageLoadTest, WhatContainerdExportedKeepsItsDigest) {
  const support::Image image =
      support::MakeImage({"example.com/a:1"}, {DataLayer("a", 300'000, 1)});
  support::OciLayoutBuilder layout;
  const nlohmann::json manifest = layout.AddImage(image);
  layout.AddItem(manifest, "example.com/a:1");
  WritePackage({layout.Finish()});
  ASSERT_OK(LoadPackage().status());
  std::vector<std::string> command = {"images", "export"};
  // Through the transfer API, ctr may end before it has written the archive's end.
  if (GetParam() == ContainerdVersion::k2) command.emplace_back("--local");
  command.insert(command.end(), {dir_.File("images.tar"), "example.com/a:1"});
  ASSERT_OK(containerd().Ctr(command).status());
  const absl::StatusOr<Package> package = OpenPackage(dir_.File("images.tar"));
  ASSERT_OK(package.status());
  ASSERT_EQ(package->bundles.size(), 1u);
  const std::vector<ArchiveImage>& images = package->bundles[0].images.images;
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(images[0].repo_tags, std::vector<std::string>{"example.com/a:1"});
  EXPECT_EQ(images[0].manifest_digest.str(), manifest["digest"]);
}

TEST_P(PackageLoadTest, AChartAndAnArchiveInOneFolder) {
  const support::Image image =
      support::MakeImage({"example.com/a:1"}, {DataLayer("a", 300'000, 1)});
  const support::TempDir folder;
  std::filesystem::create_directory(folder.File("web"));
  std::ofstream(folder.File("web/Chart.yaml")) << "name: web\nversion: 1.0.0\n";
  ASSERT_OK(support::ImagesTar({image}).WriteTo(folder.File("images.tar")));
  const absl::StatusOr<LoadReport> report = LoadPackage(folder.path());
  ASSERT_OK(report.status());
  EXPECT_TRUE(report->AllProven()) << report->package << report->nodes[0].status;
  EXPECT_THAT(containerd().Ctr({"images", "ls", "-q"}).value(), HasSubstr("example.com/a:1"));
}

}  // namespace
}  // namespace lighter::testing
