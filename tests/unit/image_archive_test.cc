#include "common/image_archive.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/limits.h"
#include "common/status.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/compress.h"
#include "tests/support/image_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using nlohmann::json;
using support::ArchiveStyle;
using support::File;
using support::Image;
using support::ImagesTar;
using support::MakeImage;
using support::MakeLayer;
using support::Rope;
using support::TarWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImageArchiveTest : public ::testing::Test {
 protected:
  absl::StatusOr<ImageArchive> Read(const Rope& bytes) {
    const absl::Status written = bytes.WriteTo(path_);
    if (!written.ok()) return written;
    ASSIGN_OR_RETURN(file_, ReadableFile::Open(path_));
    return ReadImageArchive(file_, {0, file_.size()}, "images.tar");
  }
  // An archive of loose entries with this manifest.json.
  absl::StatusOr<ImageArchive> ReadEntries(const std::vector<std::pair<std::string, Rope>>& entries,
                                           const std::string& manifest) {
    TarWriter tar;
    for (const auto& [name, data] : entries) tar.AddFile(name, data);
    tar.AddFile("manifest.json", manifest);
    return Read(tar.Finish());
  }
  std::string BytesOf(const StoredBlob& blob) {
    return file_.ReadAt(blob.offset, blob.size).value();
  }

  support::TempDir dir_;
  const std::string path_ = dir_.File("images.tar");
  ReadableFile file_;
};

void ExpectError(const absl::Status& status, absl::StatusCode code,
                 const std::vector<std::string>& parts) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& part : parts) EXPECT_THAT(Message(status), HasSubstr(part));
}

support::Layer Data(const std::string& text, Compression compression = Compression::kGzip) {
  return MakeLayer({File("data", text)}, compression);
}

// A config with these diffIDs.
std::string ConfigJson(const std::vector<std::string>& diff_ids) {
  return json({{"architecture", "amd64"},
               {"os", "linux"},
               {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}})
      .dump();
}

std::string ManifestJson(const std::string& config, const std::vector<std::string>& layers) {
  return json::array({{{"Config", config}, {"RepoTags", {"r.io/a:1"}}, {"Layers", layers}}}).dump();
}

TEST_F(ImageArchiveTest, ReadsEveryStyleToTheVeryBytes) {
  for (const ArchiveStyle style : {ArchiveStyle::kChartsSyncer, ArchiveStyle::kDockerSave,
                                   ArchiveStyle::kSkopeo, ArchiveStyle::kDockerSave25}) {
    const Compression compression =
        style == ArchiveStyle::kChartsSyncer ? Compression::kGzip : Compression::kNone;
    const support::Layer shared = Data("shared", compression);
    const std::vector<Image> images = {
        MakeImage({"r.io/a:1", "r.io/a:latest"}, {shared, Data("a", compression)}),
        MakeImage({"r.io/b:1"}, {shared, Data("b", compression), shared},
                  {.architecture = "arm64"}),
    };
    const auto archive = Read(ImagesTar(images, style));
    ASSERT_TRUE(archive.ok()) << archive.status();
    ASSERT_EQ(archive->images.size(), 2u);
    EXPECT_EQ(archive->images[1].architecture, "arm64");
    for (size_t i = 0; i < images.size(); ++i) {
      const ArchiveImage& image = archive->images[i];
      EXPECT_EQ(image.repo_tags, images[i].repo_tags);
      EXPECT_EQ(image.os, "linux");
      EXPECT_EQ(image.config.digest, images[i].config_digest);
      EXPECT_EQ(BytesOf(image.config), images[i].config);
      ASSERT_EQ(image.layers.size(), images[i].layers.size());
      for (size_t j = 0; j < image.layers.size(); ++j) {
        EXPECT_EQ(image.layers[j].blob.digest, images[i].layers[j].digest);
        EXPECT_EQ(image.layers[j].diff_id, images[i].layers[j].diff_id);
        EXPECT_EQ(BytesOf(image.layers[j].blob), images[i].layers[j].blob.str());
        EXPECT_EQ(image.layers[j].media_type,
                  compression == Compression::kGzip ? kDockerLayerGzip : kDockerLayer);
      }
      EXPECT_EQ(image.manifest_digest, Digest::Of(image.manifest));
    }
    // A layer that two images share is stored once.
    EXPECT_EQ(archive->images[0].layers[0].blob.offset, archive->images[1].layers[0].blob.offset);
    EXPECT_EQ(archive->images[1].layers[0].blob.offset, archive->images[1].layers[2].blob.offset);
  }
}

TEST_F(ImageArchiveTest, MakesContainerdsManifest) {
  const Image image = MakeImage({"r.io/a:1"}, {Data("a"), Data("b", Compression::kNone)});
  const auto archive = Read(ImagesTar({image}));
  ASSERT_TRUE(archive.ok()) << archive.status();
  const json manifest = json::parse(archive->images[0].manifest);
  EXPECT_EQ(manifest["mediaType"], std::string(kDockerManifest));
  EXPECT_EQ(manifest["config"]["digest"], image.config_digest.str());
  EXPECT_EQ(manifest["config"]["size"], image.config.size());
  EXPECT_EQ(manifest["layers"][0]["digest"], image.layers[0].digest.str());
  EXPECT_EQ(manifest["layers"][0]["mediaType"], std::string(kDockerLayerGzip));
  EXPECT_EQ(manifest["layers"][1]["size"], image.layers[1].blob.size());
  EXPECT_EQ(manifest["layers"][1]["mediaType"], std::string(kDockerLayer));
}

// ggcr calls every layer .tar.gz, whatever it is.
TEST_F(ImageArchiveTest, TellsLayersByTheirFirstBytes) {
  const Image image = MakeImage({"r.io/a:1"}, {Data("z", Compression::kZstd)});
  const auto archive = Read(ImagesTar({image}));
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_EQ(archive->images[0].layers[0].media_type, kOciLayerZstd);
  EXPECT_EQ(archive->images[0].layers[0].blob.digest, image.layers[0].digest);
}

// Saved by digest: the manifest that `docker push` wrote is the one whose digest pods pin.
TEST_F(ImageArchiveTest, AnImageWithoutANameGetsDockersManifest) {
  const Image image = MakeImage({}, {Data("a")});
  const auto archive = Read(ImagesTar({image}));
  ASSERT_TRUE(archive.ok()) << archive.status();
  const Descriptor config{std::string(kDockerConfig), image.config_digest, image.config.size()};
  const Descriptor layer{std::string(kDockerLayerGzip), image.layers[0].digest,
                         image.layers[0].blob.size()};
  EXPECT_EQ(archive->images[0].manifest, DockerPushManifestJson(config, {layer}));
  EXPECT_EQ(archive->images[0].manifest_digest, Digest::Of(archive->images[0].manifest));
}

TEST_F(ImageArchiveTest, RepoTagsMayBeNullAndLayersEmpty) {
  const auto archive = Read(ImagesTar({MakeImage({}, {})}));
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_THAT(archive->images[0].repo_tags, IsEmpty());
  EXPECT_THAT(archive->images[0].layers, IsEmpty());
  const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"diff_ids":null}})";
  for (const char* layers : {"null", "[]"}) {
    const auto tiny = ReadEntries({{"c.json", config}},
                                  std::string(R"([{"Config":"c.json","Layers":)") + layers + "}]");
    ASSERT_TRUE(tiny.ok()) << tiny.status();
    EXPECT_THAT(tiny->images[0].layers, IsEmpty());
  }
}

TEST_F(ImageArchiveTest, AnEmptyManifestJsonIsAnArchiveWithoutImages) {
  const auto archive = ReadEntries({}, "[]");
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_THAT(archive->images, IsEmpty());
}

// Two references to one image are two items with one config entry each, of the same name.
TEST_F(ImageArchiveTest, ReadsDuplicateConfigEntries) {
  const support::Layer layer = Data("x");
  const auto archive = Read(ImagesTar(
      {MakeImage({"nginx:1"}, {layer}), MakeImage({"docker.io/library/nginx:1"}, {layer})}));
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_EQ(archive->images.size(), 2u);
  EXPECT_EQ(archive->images[0].manifest_digest, archive->images[1].manifest_digest);
  EXPECT_THAT(archive->images[1].repo_tags, ElementsAre("docker.io/library/nginx:1"));
}

TEST_F(ImageArchiveTest, IgnoresLayerSourcesWhereTheLayerIsStored) {
  const support::Layer layer = Data("x");
  const std::string name = layer.digest.hex() + ".tar.gz";
  json manifest = json::parse(ManifestJson("c.json", {name}));
  manifest[0]["LayerSources"] = {{layer.diff_id.str(), {{"size", 1}, {"urls", {"http://x"}}}}};
  const auto archive = ReadEntries(
      {{"c.json", ConfigJson({layer.diff_id.str()})}, {name, layer.blob}}, manifest.dump());
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_EQ(archive->images[0].layers[0].blob.size, layer.blob.size());
}

TEST_F(ImageArchiveTest, ADamagedConfigIsNamedWithBothDigests) {
  const Image image = MakeImage({"r.io/a:1"}, {Data("x")});
  std::string bytes = ImagesTar({image}).str();
  const size_t at = bytes.find("\"amd64\"");
  bytes[at + 1] = 'A';
  ExpectError(Read(bytes).status(), absl::StatusCode::kDataLoss,
              {"r.io/a:1", "config", "offset 512", image.config_digest.str()});
}

TEST_F(ImageArchiveTest, AMissingLayerIsNamedWithItsImage) {
  const support::Layer layer = Data("x");
  const std::string config = ConfigJson({layer.diff_id.str()});
  const auto archive = ReadEntries({{"c.json", config}}, ManifestJson("c.json", {"gone.tar"}));
  ExpectError(archive.status(), absl::StatusCode::kDataLoss,
              {"r.io/a:1", "\"gone.tar\"", "missing"});
  ExpectError(ReadEntries({}, ManifestJson("no.json", {})).status(), absl::StatusCode::kDataLoss,
              {"\"no.json\""});
}

TEST_F(ImageArchiveTest, LayersAndDiffIdsMustAgree) {
  const support::Layer layer = Data("x");
  const auto archive =
      ReadEntries({{"c.json", ConfigJson({})}, {"l", layer.blob}}, ManifestJson("c.json", {"l"}));
  ExpectError(archive.status(), absl::StatusCode::kInvalidArgument,
              {"r.io/a:1", "1 layers", "0 diff_ids"});
}

TEST_F(ImageArchiveTest, APlainLayerWhoseNameIsAnotherDigestIsRefused) {
  const support::Layer layer = Data("x", Compression::kNone);
  const std::string name = std::string(64, 'a') + ".tar";
  const auto archive =
      ReadEntries({{"c.json", ConfigJson({layer.diff_id.str()})}, {name, layer.blob}},
                  ManifestJson("c.json", {name}));
  ExpectError(archive.status(), absl::StatusCode::kDataLoss, {name, layer.diff_id.str()});
}

TEST_F(ImageArchiveTest, SaysWhatItDoesNotReadYet) {
  const support::Layer layer = Data("x");
  const std::string config = ConfigJson({layer.diff_id.str()});
  ExpectError(ReadEntries({{"c.json", config}, {"id/layer.tar", layer.blob}},
                          ManifestJson("c.json", {"id/layer.tar"}))
                  .status(),
              absl::StatusCode::kUnimplemented, {"id/layer.tar", "not its digest"});
  ExpectError(ReadEntries({{"c.json", config},
                           {"l.tar", std::string("\xfd"
                                                 "7zXZ\0aaaa",
                                                 10)}},
                          ManifestJson("c.json", {"l.tar"}))
                  .status(),
              absl::StatusCode::kUnimplemented, {"l.tar", "xz"});
}

TEST_F(ImageArchiveTest, ATarWithoutManifestJsonIsNoArchive) {
  TarWriter tar;
  tar.AddFile("readme", "x");
  ExpectError(Read(tar.Finish()).status(), absl::StatusCode::kInvalidArgument,
              {"no manifest.json", "no image archive"});
}

TEST_F(ImageArchiveTest, LinksAreFollowedButNotForEver) {
  const support::Layer layer = Data("x", Compression::kNone);
  const std::string config = ConfigJson({layer.diff_id.str()});
  const std::string manifest = ManifestJson("c.json", {"a/layer.tar"});
  const auto read = [&](const std::string& link, char type) {
    TarWriter tar;
    tar.AddFile("c.json", config);
    tar.AddFile("b/layer.tar", layer.blob);
    tar.Add({.name = "a/layer.tar", .type = type, .link = link});
    tar.AddFile("manifest.json", manifest);
    return Read(tar.Finish());
  };
  for (const auto& [link, type] :
       std::vector<std::pair<std::string, char>>{{"../b/layer.tar", '2'}, {"b/layer.tar", '1'}}) {
    const auto archive = read(link, type);
    ASSERT_TRUE(archive.ok()) << link << archive.status();
    EXPECT_EQ(archive->images[0].layers[0].blob.entry, "b/layer.tar");
  }
  ExpectError(read("layer.tar", '2').status(), absl::StatusCode::kInvalidArgument,
              {"too many links"});
  ExpectError(read("../../../etc/passwd", '2').status(), absl::StatusCode::kDataLoss, {"missing"});
}

TEST_F(ImageArchiveTest, AnyOtherJsonIsRefusedNotTrusted) {
  for (const char* manifest :
       {"", "{}", "null", "[1]", "[null]", "[{}]", "[{\"Config\":1}]", "[{\"Config\":\"\"}]",
        "[{\"Config\":\"c.json\",\"RepoTags\":\"x\"}]",
        "[{\"Config\":\"c.json\",\"RepoTags\":[1]}]", "[{\"Config\":\"c.json\",\"Layers\":{}}]",
        "[{\"Config\":\"c.json\",\"Layers\":[null]}]", "[{\"Config\":\"manifest.json/\"}]", "[",
        "[{\"Config\":\"c.json\"}] x", "\xff\xfe"}) {
    const auto archive = ReadEntries({{"c.json", ConfigJson({})}}, manifest);
    EXPECT_FALSE(archive.ok()) << manifest;
    EXPECT_THAT(Message(archive.status()), HasSubstr("images.tar")) << manifest;
  }
  for (const char* config :
       {"", "[]", "null", "{\"os\":1}", "{\"architecture\":[]}", "{\"rootfs\":{\"diff_ids\":[1]}}",
        "{\"rootfs\":{\"diff_ids\":[\"md5:x\"]}}", "{\"rootfs\":{\"diff_ids\":{}}}", "{"}) {
    const auto archive = ReadEntries({{"c.json", config}}, ManifestJson("c.json", {}));
    EXPECT_FALSE(archive.ok()) << config;
  }
}

TEST_F(ImageArchiveTest, CapsOnJson) {
  const auto deep = ReadEntries({}, std::string(1'000'000, '['));
  ExpectError(deep.status(), absl::StatusCode::kInvalidArgument, {"deeper"});
  std::string wide = "[0";
  for (int i = 0; i < 2'000'000; ++i) wide += ",0";
  ExpectError(ReadEntries({}, wide + "]").status(), absl::StatusCode::kResourceExhausted,
              {"values"});
  ExpectError(ReadEntries({}, std::string(kMaxManifestJsonBytes + 1, ' ')).status(),
              absl::StatusCode::kResourceExhausted, {"manifest.json", "20971520"});
  std::string images = "[{}";
  for (uint32_t i = 0; i < kMaxImagesPerLoad; ++i) images += ",{}";
  ExpectError(ReadEntries({}, images + "]").status(), absl::StatusCode::kResourceExhausted,
              {"images"});
}

// Names of a few bytes in manifest.json, hundreds of them in memory.
TEST_F(ImageArchiveTest, LayersAreBoundedOverAllImages) {
  const Digest layer = Digest::Of("l");
  const std::string config = ConfigJson(std::vector(kMaxLayersPerImage, layer.str()));
  const json image = {{"Config", "c"},
                      {"Layers", std::vector<std::string>(kMaxLayersPerImage, "l")}};
  json images = json::array();
  while (images.size() * kMaxLayersPerImage <= kMaxLayersPerArchive) images.push_back(image);
  ExpectError(ReadEntries({{"c", config}, {"l", "l"}}, images.dump()).status(),
              absl::StatusCode::kResourceExhausted, {"layers"});
  images.erase(images.begin());
  EXPECT_TRUE(ReadEntries({{"c", config}, {"l", "l"}}, images.dump()).ok());
}

TEST_F(ImageArchiveTest, EveryTruncationIsAnErrorOrTheSameArchive) {
  const Rope whole = ImagesTar({MakeImage({"r.io/a:1"}, {Data("a"), Data("b")})});
  const auto expected = Read(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (uint64_t length = 0; length < whole.size(); ++length) {
    const auto archive = ReadImageArchive(file_, {0, length}, "images.tar");
    if (!archive.ok()) continue;
    ASSERT_EQ(archive->images.size(), 1u) << length;
    EXPECT_EQ(archive->images[0].manifest, expected->images[0].manifest) << length;
  }
}

// A flipped bit may damage layer bytes, which are checked where they are read; it never changes
// which config an image has without an error.
TEST_F(ImageArchiveTest, BitFlipsAreRefusedOrHarmless) {
  const std::string bytes = ImagesTar({MakeImage({"r.io/a:1"}, {Data("a")})}).str();
  const auto expected = Read(bytes);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
    const auto at = static_cast<off_t>(bit / 8);
    const char flipped = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    ASSERT_EQ(::pwrite(fd.get(), &flipped, 1, at), 1);
    const auto archive = ReadImageArchive(file_, {0, file_.size()}, "images.tar");
    ASSERT_EQ(::pwrite(fd.get(), &bytes[bit / 8], 1, at), 1);
    if (!archive.ok() || archive->images.empty()) continue;
    const ArchiveImage& image = archive->images[0];
    ASSERT_EQ(image.config.digest, expected->images[0].config.digest) << bit;
    for (const ArchiveLayer& layer : image.layers) {
      ASSERT_LE(layer.blob.offset + layer.blob.size, bytes.size()) << bit;
    }
  }
}

}  // namespace
}  // namespace lighter
