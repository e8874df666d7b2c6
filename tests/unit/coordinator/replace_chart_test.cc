#include "coordinator/package/replace_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;

class ReplaceChartTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const support::Image image =
        support::MakeImage({"r.io/web:2"}, {support::MakeLayer({support::File("data", "web")})});
    const support::Rope bundle =
        support::BundleTar({.hints = "",
                            .chart = {{"Chart.yaml", "name: web\nversion: 2.0.0\n"}},
                            .images_tar = support::ImagesTar({image})});
    ASSERT_TRUE(bundle.WriteTo(dir_.File("web.bundle.tar")).ok());
    absl::StatusOr<Package> package = OpenPackage(dir_.File("web.bundle.tar"));
    ASSERT_TRUE(package.ok()) << package.status();
    package_ = *std::move(package);
  }

  // As `helm package` does it.
  std::string Pack(const std::string& chart, const std::string& folder = "web") {
    const std::filesystem::path root = dir_.File("chart-" + std::to_string(++packed_));
    std::filesystem::create_directories(root / folder / "templates");
    std::ofstream(root / folder / "Chart.yaml") << chart;
    std::ofstream(root / folder / "templates/a.yaml") << "a: 1\n";
    const std::string tgz = root.string() + ".tgz";
    const std::string command = absl::StrCat("tar -czf ", tgz, " -C ", root.string(), " .");
    EXPECT_EQ(std::system(command.c_str()), 0);
    return tgz;
  }

  absl::Status Replace(const std::string& tgz) {
    return ReplaceChart(package_, tgz, dir_.File("given.tar"));
  }

  support::TempDir dir_;
  Package package_;
  int packed_ = 0;
};

TEST_F(ReplaceChartTest, TakesThePlaceOfTheBundlesChart) {
  ASSERT_TRUE(Replace(Pack("name: web\nversion: 2.1.0\n")).ok());
  const Bundle& bundle = package_.bundles[0];
  EXPECT_EQ(bundle.chart_version, "2.1.0");
  EXPECT_EQ(bundle.images.images.size(), 1u) << "the images stay";
  ASSERT_TRUE(ExtractChart(bundle, dir_.File("out")).ok());
  EXPECT_EQ(*ReadFile(dir_.File("out/templates/a.yaml"), 100), "a: 1\n");
}

TEST_F(ReplaceChartTest, AnotherChartIsRefused) {
  const absl::Status status = Replace(Pack("name: db\nversion: 2.1.0\n", "db"));
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(Message(status), HasSubstr("is chart db, and no bundle of this package has one of "
                                         "that name: web"));
}

TEST_F(ReplaceChartTest, WhatIsNoChartIsRefused) {
  std::ofstream(dir_.File("text")) << "no gzip at all";
  EXPECT_THAT(Message(Replace(dir_.File("text"))), HasSubstr(dir_.File("text")));
  EXPECT_TRUE(absl::IsNotFound(Replace(dir_.File("nowhere"))));
  const std::string tgz = Pack("name: web\nversion: 2.1.0\n");
  std::filesystem::resize_file(tgz, std::filesystem::file_size(tgz) / 2);
  EXPECT_FALSE(Replace(tgz).ok());
  EXPECT_THAT(Message(Replace(Pack("name: web\n"))), HasSubstr("has no version"));
  EXPECT_EQ(package_.bundles[0].chart_version, "2.0.0") << "nothing was replaced";
}

}  // namespace
}  // namespace lighter
