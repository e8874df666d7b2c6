#include "coordinator/package/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/status.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/compress.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;
using support::BundleSpec;
using support::BundleTar;
using support::PackageTar;
using support::Rope;
using support::TarWriter;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char kHints[] = "- \"{{ .image.repository }}:{{ .image.tag }}\"\n";

Rope Images(const std::string& tag) {
  return support::ImagesTar(
      {support::MakeImage({tag}, {support::MakeLayer({support::File("data", tag)})})});
}

BundleSpec Spec(const std::string& name, const std::string& version = "1.2.3") {
  return {
      .hints = kHints,
      .chart = {{"Chart.yaml", "name: " + name + "\nversion: " + version + "\nappVersion: 1.10\n"},
                {"templates/web.yaml", "kind: Pod\n"},
                {"values.yaml", "a: 1\n"}},
      .images_tar = Images("r.io/" + name + ":1"),
      .folder = {}};
}

class PackageTest : public ::testing::Test {
 protected:
  absl::StatusOr<Package> Open(const Rope& bytes) {
    const absl::Status written = bytes.WriteTo(path_);
    if (!written.ok()) return written;
    return OpenPackage(path_);
  }

  support::TempDir dir_;
  const std::string path_ = dir_.File("p.tar");
};

void ExpectError(const absl::Status& status, absl::StatusCode code,
                 const std::vector<std::string>& parts) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& part : parts) EXPECT_THAT(Message(status), HasSubstr(part));
}

void ExpectIsBundle(const Bundle& bundle, const std::string& name) {
  EXPECT_EQ(bundle.chart_name, name);
  EXPECT_EQ(bundle.chart_version, "1.2.3");
  EXPECT_EQ(bundle.app_version, "1.10") << "a version keeps its text";
  EXPECT_EQ(bundle.hints, kHints);
  ASSERT_EQ(bundle.chart_files.size(), 3u);
  EXPECT_EQ(bundle.chart_files[1].path, "templates/web.yaml");
  EXPECT_EQ(bundle.file->ReadAt(bundle.chart_files[1].offset, bundle.chart_files[1].size).value(),
            "kind: Pod\n");
  ASSERT_EQ(bundle.images.images.size(), 1u);
  EXPECT_EQ(bundle.images.images[0].repo_tags.front(), "r.io/" + name + ":1");
  const StoredBlob& config = bundle.images.images[0].config;
  EXPECT_EQ(Digest::Of(bundle.file->ReadAt(config.offset, config.size).value()), config.digest);
}

TEST_F(PackageTest, OpensASingleBundle) {
  const auto package = Open(BundleTar(Spec("hydra")));
  ASSERT_TRUE(package.ok()) << package.status();
  EXPECT_EQ(package->size, fs::file_size(path_));
  ASSERT_EQ(package->bundles.size(), 1u);
  EXPECT_EQ(package->bundles[0].name, "p.tar");
  ExpectIsBundle(package->bundles[0], "hydra");
}

TEST_F(PackageTest, OpensABundleInAFolder) {
  BundleSpec spec = Spec("hydra");
  spec.folder = "ghippo.bundle";
  const auto package = Open(BundleTar(spec));
  ASSERT_TRUE(package.ok()) << package.status();
  ExpectIsBundle(package->bundles[0], "hydra");
}

TEST_F(PackageTest, OpensAnOuterTarWhateverItsFilesAreCalled) {
  for (const std::string folder : {"", "hydra_v0.9.0_amd64"}) {
    BundleSpec in_folder = Spec("agent");
    in_folder.folder = "agent.bundle";
    const auto package =
        Open(PackageTar({{"hydra_v0.9.0.bundle.tar", BundleTar(Spec("hydra"))},
                         {"checksum.sha512sum", "echo \"$(cat F)\""},
                         {"README", "ustar"},
                         {"some.dat", BundleTar(in_folder)},
                         {"other.tar", TarWriter().Finish()},
                         {"chart.tgz", support::Compress("x", Compression::kGzip)}},
                        folder));
    ASSERT_TRUE(package.ok()) << package.status();
    ASSERT_EQ(package->bundles.size(), 2u);
    EXPECT_EQ(package->bundles[0].name, "hydra_v0.9.0.bundle.tar");
    ExpectIsBundle(package->bundles[0], "hydra");
    ExpectIsBundle(package->bundles[1], "agent");
    EXPECT_EQ(package->bundles[0].file, package->bundles[1].file) << "one open file";
  }
}

TEST_F(PackageTest, OpensAFolderOfBundles) {
  ASSERT_TRUE(BundleTar(Spec("b")).WriteTo(dir_.File("b.bundle.tar")).ok());
  ASSERT_TRUE(
      PackageTar({{"a.bundle.tar", BundleTar(Spec("a"))}}).WriteTo(dir_.File("a.tar")).ok());
  ASSERT_TRUE(Rope("sum").WriteTo(dir_.File("b.bundle.tar.sha512sum")).ok());
  fs::create_directory(dir_.File("sub"));
  const auto package = OpenPackage(dir_.path());
  ASSERT_TRUE(package.ok()) << package.status();
  ASSERT_EQ(package->bundles.size(), 2u);
  ExpectIsBundle(package->bundles[0], "a");
  ExpectIsBundle(package->bundles[1], "b");
  EXPECT_EQ(package->size,
            fs::file_size(dir_.File("a.tar")) + fs::file_size(dir_.File("b.bundle.tar")));
}

TEST_F(PackageTest, BundlesWithoutImagesOrHintsAreFine) {
  BundleSpec spec = Spec("crds");
  spec.images_tar.reset();
  spec.hints.clear();
  const auto package = Open(BundleTar(spec));
  ASSERT_TRUE(package.ok()) << package.status();
  EXPECT_THAT(package->bundles[0].images.images, IsEmpty());
  EXPECT_EQ(package->bundles[0].hints, "");
}

TEST_F(PackageTest, AChartWithoutChartYamlIsRefused) {
  BundleSpec spec = Spec("hydra");
  spec.chart.erase("Chart.yaml");
  ExpectError(Open(PackageTar({{"h.bundle.tar", BundleTar(spec)}})).status(),
              absl::StatusCode::kInvalidArgument,
              {path_ + ": h.bundle.tar", "no original-chart/Chart.yaml", "tar -xf"});
}

TEST_F(PackageTest, DamagedChartYamlIsRefusedWithItsName) {
  for (const char* yaml : {"", "- x", "name: [", "version: 1", "name: x",
                           "name: {a: b}\nversion: 1", "name: x\nversion:", "*a", "\x01"}) {
    BundleSpec spec = Spec("hydra");
    spec.chart["Chart.yaml"] = yaml;
    ExpectError(Open(BundleTar(spec)).status(), absl::StatusCode::kInvalidArgument,
                {"p.tar: original-chart/Chart.yaml"});
  }
  BundleSpec deep = Spec("hydra");
  deep.chart["Chart.yaml"] = std::string(100'000, '[');
  EXPECT_FALSE(Open(BundleTar(deep)).ok());
}

TEST_F(PackageTest, SaysWhatIsNoPackage) {
  ExpectError(Open("hello").status(), absl::StatusCode::kInvalidArgument, {"not a tar"});
  ExpectError(Open(PackageTar({{"README", "x"}})).status(), absl::StatusCode::kInvalidArgument,
              {"no bundle", "hints.yaml, original-chart/ and images.tar"});
  ExpectError(OpenPackage(dir_.File("none")).status(), absl::StatusCode::kNotFound, {"none"});
  fs::create_directory(dir_.File("empty"));
  ExpectError(OpenPackage(dir_.File("empty")).status(), absl::StatusCode::kInvalidArgument,
              {"no bundle in this folder"});
}

TEST_F(PackageTest, CompressedPackagesAreRefusedWithTheCommand) {
  const std::string bundle = BundleTar(Spec("hydra")).str();
  const std::string gzip = support::Compress(bundle, Compression::kGzip);
  ExpectError(Open(gzip).status(), absl::StatusCode::kInvalidArgument, {"gunzip -k " + path_});
  ExpectError(Open(support::Compress(bundle, Compression::kZstd)).status(),
              absl::StatusCode::kInvalidArgument, {"zstd -d " + path_});
  // Compressed inside: leaving it out would lose a part of the package.
  ExpectError(Open(PackageTar({{"h.bundle.tar.gz", gzip}})).status(),
              absl::StatusCode::kInvalidArgument, {"h.bundle.tar.gz", "compressed with gzip"});
  BundleSpec spec = Spec("hydra");
  spec.images_tar = Rope(support::Compress(Images("r.io/x:1").str(), Compression::kGzip));
  ExpectError(Open(BundleTar(spec)).status(), absl::StatusCode::kInvalidArgument,
              {"images.tar: compressed with gzip"});
  fs::create_directory(dir_.File("folder"));
  ASSERT_TRUE(Rope(gzip).WriteTo(dir_.File("folder/h.bundle.tar.gz")).ok());
  ExpectError(OpenPackage(dir_.File("folder")).status(), absl::StatusCode::kInvalidArgument,
              {"gunzip -k " + dir_.File("folder/h.bundle.tar.gz")});
}

TEST_F(PackageTest, HostileEntriesAreRefused) {
  struct Case {
    support::TarSpec spec;
    std::string part;
  };
  for (const Case& c : std::vector<Case>{
           {{.name = "original-chart/../../x"}, "leads out"},
           {{.name = "original-chart/link", .type = '2', .link = "/etc/passwd"}, "link or device"},
           {{.name = "original-chart/hard", .type = '1', .link = "hints.yaml"}, "link or device"},
           {{.name = "images.tar", .type = '2', .link = "hints.yaml"}, "link or device"},
           {{.name = "original-chart/values.yaml"}, "there twice"},
           {{.name = "hints.yaml"}, "there twice"},
       }) {
    TarWriter tar;
    tar.AddFile("hints.yaml", kHints);
    tar.AddFile("original-chart/Chart.yaml", "name: x\nversion: 1\n");
    tar.AddFile("original-chart/values.yaml", "");
    tar.Add(c.spec);
    ExpectError(Open(tar.Finish()).status(), absl::StatusCode::kInvalidArgument, {c.part});
  }
}

TEST_F(PackageTest, NamesThatOnlyStartLikeABundleAreIgnored) {
  BundleSpec spec = Spec("hydra");
  TarWriter tar;
  tar.AddFile("hints.yaml", spec.hints);
  tar.AddFile("original-chart-old/Chart.yaml", "broken: [");
  for (const auto& [name, text] : spec.chart) tar.AddFile("original-chart/" + name, text);
  tar.AddFile("images.tar", *spec.images_tar);
  const auto package = Open(tar.Finish());
  ASSERT_TRUE(package.ok()) << package.status();
  ExpectIsBundle(package->bundles[0], "hydra");
}

TEST_F(PackageTest, AChartThatIsThereTwiceIsRefused) {
  ASSERT_TRUE(BundleTar(Spec("a", "1.0.0")).WriteTo(dir_.File("a-old.tar")).ok());
  ASSERT_TRUE(BundleTar(Spec("a", "1.1.0")).WriteTo(dir_.File("a-new.tar")).ok());
  ExpectError(OpenPackage(dir_.path()).status(), absl::StatusCode::kFailedPrecondition,
              {"chart a is there twice", "1.1.0 in " + dir_.File("a-new.tar"),
               "1.0.0 in " + dir_.File("a-old.tar")});
}

TEST_F(PackageTest, OversizedHintsAreRefused) {
  BundleSpec spec = Spec("hydra");
  spec.hints = std::string(kMaxHintsBytes + 1, '#');
  ExpectError(Open(BundleTar(spec)).status(), absl::StatusCode::kResourceExhausted,
              {"hints.yaml", "1048577"});
}

// A part of a package that is missing must never look like a smaller package.
TEST_F(PackageTest, EveryTruncationIsAnErrorOrTheSamePackage) {
  const Rope whole = PackageTar(
      {{"a.bundle.tar", BundleTar(Spec("a"))}, {"b.bundle.tar", BundleTar(Spec("b"))}}, "folder");
  ASSERT_TRUE(Open(whole).ok());
  for (uint64_t length = whole.size() - 1; length > 0; length -= std::min<uint64_t>(length, 97)) {
    ASSERT_EQ(::truncate(path_.c_str(), static_cast<off_t>(length)), 0);
    const auto package = OpenPackage(path_);
    if (!package.ok()) continue;
    EXPECT_EQ(package->bundles.size(), 2u) << length;
    EXPECT_GE(length, whole.size() - 512);
  }
}

class ExtractChartTest : public PackageTest {
 protected:
  Bundle OpenBundle(const BundleSpec& spec) { return Open(BundleTar(spec)).value().bundles[0]; }
};

TEST_F(ExtractChartTest, WritesTheChartsFiles) {
  const Bundle bundle = OpenBundle(Spec("hydra"));
  const std::string folder = dir_.File("new/chart");
  ASSERT_TRUE(ExtractChart(bundle, folder).ok());
  EXPECT_EQ(ReadFile(folder + "/templates/web.yaml", 100).value(), "kind: Pod\n");
  EXPECT_EQ(ReadFile(folder + "/values.yaml", 100).value(), "a: 1\n");
  EXPECT_FALSE(fs::exists(folder + "/hints.yaml"));
  size_t siblings = 0;
  for (const auto& entry : fs::directory_iterator(dir_.File("new"))) siblings += entry.exists();
  EXPECT_EQ(siblings, 1u);
}

TEST_F(ExtractChartTest, TakesAnEmptyFolderAndRefusesAFullOne) {
  const Bundle bundle = OpenBundle(Spec("hydra"));
  fs::create_directory(dir_.File("chart"));
  EXPECT_TRUE(ExtractChart(bundle, dir_.File("chart") + "/").ok());
  ExpectError(ExtractChart(bundle, dir_.File("chart")), absl::StatusCode::kAlreadyExists,
              {"not empty"});
  EXPECT_FALSE(ExtractChart(bundle, path_ + "/chart").ok()) << "below a file";
}

TEST_F(ExtractChartTest, AFailureLeavesNothing) {
  BundleSpec spec = Spec("hydra");
  spec.chart["templates"] = "a file where a folder must be";
  const Bundle bundle = OpenBundle(spec);
  ExpectError(ExtractChart(bundle, dir_.File("chart")), absl::StatusCode::kInternal,
              {"templates/web.yaml"});
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(dir_.path())) files += entry.exists();
  EXPECT_EQ(files, 1u) << "the package only";
}

TEST_F(ExtractChartTest, CapsHold) {
  Bundle bundle = OpenBundle(Spec("hydra"));
  bundle.chart_files[0].size = kMaxChartFileBytes + 1;
  ExpectError(ExtractChart(bundle, dir_.File("chart")), absl::StatusCode::kResourceExhausted,
              {"Chart.yaml"});
  bundle.chart_files.assign(17, {"x", 0, kMaxChartFileBytes});
  ExpectError(ExtractChart(bundle, dir_.File("chart")), absl::StatusCode::kResourceExhausted,
              {"the chart has more than"});
}

// A name of 4 KiB makes 2,000 folders.
TEST_F(ExtractChartTest, FoldersAreBoundedToo) {
  Bundle bundle = OpenBundle(Spec("hydra"));
  std::string path = "/x";
  while (path.size() + 10 < kMaxNameBytes) path.insert(0, "/a");
  bundle.chart_files.clear();
  for (uint64_t i = 0; i < kMaxChartPathParts / 1000; ++i) {
    bundle.chart_files.push_back({absl::StrCat(i, path), 0, 1});
  }
  ExpectError(ExtractChart(bundle, dir_.File("chart")), absl::StatusCode::kResourceExhausted,
              {"folders"});
}

TEST_F(PackageTest, AHugeLayerHasItsSizeAndItsPlace) {
  const uint64_t size = 25 * kGiB + 3;
  Rope layer;
  layer.AppendZeros(size - 1);
  layer.Append(std::string("!"));
  const std::string diff_id = Digest::Of("stands for that of 25 GiB").str();
  TarWriter images;
  images.AddFile("config.json", "{\"rootfs\":{\"diff_ids\":[\"" + diff_id + "\"]}}");
  images.AddFile("id/layer.tar", layer);
  images.AddFile("manifest.json",
                 "[{\"Config\":\"config.json\",\"RepoTags\":[\"r.io/a:1\"],"
                 "\"Layers\":[\"id/layer.tar\"]}]");
  BundleSpec spec = Spec("hydra");
  spec.images_tar = images.Finish();
  const auto package = Open(PackageTar({{"h.bundle.tar", BundleTar(spec)}}));
  ASSERT_TRUE(package.ok()) << package.status();
  const Bundle& bundle = package->bundles.at(0);
  const StoredBlob& blob = bundle.images.images.at(0).layers.at(0).blob;
  EXPECT_EQ(blob.size, size);
  EXPECT_EQ(bundle.file->ReadAt(blob.offset + size - 1, 1).value(), "!");
  EXPECT_GT(package->size, size);
}

}  // namespace
}  // namespace lighter
