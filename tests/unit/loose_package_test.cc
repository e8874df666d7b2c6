// Packages without a bundle: a chart and an archive in one folder, and archives alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/status.h"
#include "coordinator/package/package.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/compress.h"
#include "tests/support/oci_layout_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;
using support::Rope;
using support::TarWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kChartYaml[] = "name: hydra\nversion: 1.2.3\n";

std::vector<support::Image> Images(const std::string& tag) {
  return {support::MakeImage({tag}, {support::MakeLayer({support::File("data", tag)})})};
}

class LoosePackageTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const Rope& bytes) {
    fs::create_directories(fs::path(dir_.File(name)).parent_path());
    ASSERT_TRUE(bytes.WriteTo(dir_.File(name)).ok());
  }
  void WriteChart(const std::string& folder) {
    Write(folder + "/templates/web.yaml", "kind: Pod\n");
    Write(folder + "/Chart.yaml", kChartYaml);
  }
  void WriteArchive(const std::string& name = "images.tar") {
    Write(name, support::ImagesTar(Images("r.io/" + name + ":1")));
  }
  void WritePacked(const std::string& name, TarWriter tar) {
    Write(name, Rope(support::Compress(tar.Finish().str(), Compression::kGzip)));
  }
  static TarWriter PackedChart() {
    TarWriter tar;
    tar.AddFile("hydra/Chart.yaml", kChartYaml);
    tar.AddFile("hydra/templates/web.yaml", "kind: Pod\n");
    return tar;
  }

  absl::StatusOr<Package> Open() { return OpenPackage(dir_.path()); }
  std::string ErrorOf() { return Message(Open().status()); }

  // The one bundle of the folder: the chart and the archive that were written.
  void ExpectHydra(const std::string& hints) {
    const absl::StatusOr<Package> package = Open();
    ASSERT_TRUE(package.ok()) << package.status();
    ASSERT_THAT(package->bundles, SizeIs(1));
    const Bundle& bundle = package->bundles[0];
    EXPECT_TRUE(bundle.has_chart());
    EXPECT_EQ(bundle.chart_name, "hydra");
    EXPECT_EQ(bundle.chart_version, "1.2.3");
    EXPECT_EQ(bundle.hints, hints);
    ASSERT_THAT(bundle.images.images, SizeIs(1));
    const StoredBlob& config = bundle.images.images[0].config;
    EXPECT_EQ(Digest::Of(bundle.file->ReadAt(config.offset, config.size).value()), config.digest);
    EXPECT_EQ(package->size, fs::file_size(dir_.File("images.tar")));
    const support::TempDir target;
    ASSERT_TRUE(ExtractChart(bundle, target.File("chart")).ok());
    EXPECT_EQ(ReadFile(target.File("chart/Chart.yaml"), 100).value(), kChartYaml);
    EXPECT_EQ(ReadFile(target.File("chart/templates/web.yaml"), 100).value(), "kind: Pod\n");
  }

  support::TempDir dir_;
};

TEST_F(LoosePackageTest, ABundleThatSomebodyUnpackedIsOne) {
  Write("hints.yaml", "- \"{{ .image }}\"\n");
  WriteChart("original-chart");
  WriteArchive();
  ExpectHydra("- \"{{ .image }}\"\n");
}

TEST_F(LoosePackageTest, AChartOfAnyNameWithoutHints) {
  WriteChart("hydra-1.2.3");
  WriteArchive();
  Write("README", "what this is");
  ExpectHydra("");
}

TEST_F(LoosePackageTest, APackedChart) {
  WritePacked("hydra-1.2.3.tgz", PackedChart());
  WriteArchive();
  ExpectHydra("");
}

TEST_F(LoosePackageTest, AnArchiveAloneHasNoChart) {
  WriteArchive();
  for (const std::string& path : {dir_.path(), dir_.File("images.tar")}) {
    const absl::StatusOr<Package> package = OpenPackage(path);
    ASSERT_TRUE(package.ok()) << package.status();
    ASSERT_THAT(package->bundles, SizeIs(1));
    EXPECT_FALSE(package->bundles[0].has_chart());
    EXPECT_EQ(package->bundles[0].name, "images.tar");
    EXPECT_THAT(package->files, SizeIs(1));
    EXPECT_THAT(package->bundles[0].images.images[0].repo_tags, ElementsAre("r.io/images.tar:1"));
  }
  Write("other.tar", support::OciLayoutTar(Images("r.io/other:1")));
  EXPECT_THAT(Open()->bundles, SizeIs(2));
}

TEST_F(LoosePackageTest, BundlesCountWhereThereAreAny) {
  WriteArchive();
  Write("a.bundle.tar",
        support::BundleTar(
            {.hints = "", .chart = {{"Chart.yaml", kChartYaml}}, .images_tar = {}, .folder = {}}));
  EXPECT_THAT(Open()->bundles, SizeIs(1));
}

TEST_F(LoosePackageTest, WhatCannotBeTakenTogetherIsRefused) {
  WriteChart("hydra");
  EXPECT_THAT(ErrorOf(), HasSubstr("no archive of images"));
  Write("images.tar.gz", Rope(support::Compress("x", Compression::kGzip)));
  EXPECT_THAT(ErrorOf(), HasSubstr("gunzip -k " + dir_.File("images.tar.gz")));
  WriteArchive();
  WriteArchive("more.tar");
  EXPECT_THAT(ErrorOf(), HasSubstr("2 archives of images, images.tar and others"));
  fs::remove(dir_.File("more.tar"));
  WriteChart("hydra-old");
  EXPECT_THAT(ErrorOf(), HasSubstr("two charts, " + dir_.File("hydra")));
}

TEST_F(LoosePackageTest, ChartsThatLeadOutAreRefused) {
  WriteArchive();
  TarWriter out = PackedChart();
  out.AddFile("hydra/../../x", "x");
  WritePacked("hydra.tgz", out);
  EXPECT_THAT(ErrorOf(), HasSubstr("leads out"));
  TarWriter link = PackedChart();
  link.Add({.name = "hydra/values.yaml", .type = '2', .link = "/etc/passwd"});
  WritePacked("hydra.tgz", link);
  EXPECT_THAT(ErrorOf(), HasSubstr("link or device"));
  fs::remove(dir_.File("hydra.tgz"));
  WriteChart("hydra");
  fs::create_symlink("/etc/passwd", dir_.File("hydra/values.yaml"));
  EXPECT_THAT(ErrorOf(), HasSubstr("link or device"));
}

TEST_F(LoosePackageTest, ADamagedPackedChartIsToldWithItsName) {
  WriteArchive();
  const std::string whole = support::Compress(PackedChart().Finish().str(), Compression::kGzip);
  for (size_t size = 10; size < whole.size(); size += 7) {
    Write("hydra.tgz", Rope(whole.substr(0, size)));
    EXPECT_THAT(ErrorOf(), HasSubstr("hydra.tgz")) << size;
  }
}

}  // namespace
}  // namespace lighter
