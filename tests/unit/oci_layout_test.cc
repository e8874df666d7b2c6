#include "common/oci_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/limits.h"
#include "common/status.h"
#include "tests/support/oci_layout_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using nlohmann::json;
using support::Image;
using support::MakeImage;
using support::MakeLayer;
using support::OciLayoutBuilder;
using support::Rope;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Image ImageOf(const std::string& text, const std::string& architecture = "amd64",
              const std::string& os = "linux") {
  return MakeImage({}, {MakeLayer({support::File("data", text)})},
                   {.architecture = architecture, .os = os});
}

class OciLayoutTest : public ::testing::Test {
 protected:
  absl::StatusOr<ImageArchive> Read(const Rope& bytes) {
    const absl::Status written = bytes.WriteTo(path_);
    if (!written.ok()) return written;
    ASSIGN_OR_RETURN(file_, ReadableFile::Open(path_));
    return ReadImageArchive(file_, {0, file_.size()}, "images.tar");
  }
  absl::StatusOr<ImageArchive> Read() { return Read(layout_.Finish()); }

  void ExpectError(absl::StatusCode code, const std::vector<std::string>& parts) {
    const absl::Status status = Read().status();
    EXPECT_EQ(status.code(), code) << status;
    for (const std::string& part : parts) EXPECT_THAT(Message(status), HasSubstr(part));
  }

  support::TempDir dir_;
  const std::string path_ = dir_.File("images.tar");
  ReadableFile file_;
  OciLayoutBuilder layout_;
};

// A manifest.json for these images, as Docker 25 and `ctr images export` write it into a layout.
std::string ManifestJson(const std::vector<Image>& images) {
  json items = json::array();
  for (const Image& image : images) {
    json layers = json::array();
    for (const support::Layer& layer : image.layers) {
      layers.push_back("blobs/sha256/" + layer.digest.hex());
    }
    items.push_back({{"Config", "blobs/sha256/" + image.config_digest.hex()},
                     {"RepoTags", image.repo_tags},
                     {"Layers", layers}});
  }
  return items.dump();
}

TEST_F(OciLayoutTest, AManifestJsonSaysWhichImagesAndTheLayoutTheirManifests) {
  Image image = ImageOf("a");
  image.repo_tags = {"nginx:1", "r.io/nginx:1"};
  const json own = layout_.AddImage(image);
  // Of another platform, whose blobs are missing, as containerd's store leaves them out.
  json foreign = layout_.AddImage(ImageOf("b", "arm64"));
  layout_.blobs().erase(OciLayoutBuilder::EntryOf(foreign));
  layout_.AddItem(layout_.AddIndex({foreign, own}), "docker.io/library/nginx:1");
  layout_.blobs()["manifest.json"] = ManifestJson({image});
  const auto archive = Read();
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_THAT(archive->images, SizeIs(1));
  EXPECT_THAT(archive->images[0].repo_tags, ElementsAre("nginx:1", "r.io/nginx:1"));
  EXPECT_EQ(archive->images[0].manifest_digest.str(), own["digest"]);
  EXPECT_EQ(archive->images[0].layers[0].media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
}

TEST_F(OciLayoutTest, AManifestJsonStandsAloneWhereTheLayoutIsNoHelp) {
  Image image = ImageOf("a");
  image.repo_tags = {"nginx:1"};
  layout_.AddImage(image);
  const std::string manifest_json = ManifestJson({image});
  // Docker 25.0 wrote no manifests, or manifests without layers.
  Image bare = image;
  bare.layers.clear();
  OciLayoutBuilder other = layout_;
  other.AddItem(other.AddImage(bare));
  other.AddItem({{"digest", "x"}});
  for (OciLayoutBuilder layout : {layout_, other}) {
    layout.blobs()["manifest.json"] = manifest_json;
    const auto archive = Read(layout.Finish());
    ASSERT_TRUE(archive.ok()) << archive.status();
    ASSERT_THAT(archive->images, SizeIs(1));
    EXPECT_EQ(archive->images[0].manifest_media_type,
              "application/vnd.docker.distribution.manifest.v2+json");
  }
}

TEST_F(OciLayoutTest, KeepsTheManifestAsItIsStored) {
  const std::vector<support::Layer> layers = {
      MakeLayer({support::File("a", "a")}, Compression::kGzip),
      MakeLayer({support::File("b", "b")}, Compression::kZstd),
      MakeLayer({support::File("c", "c")}, Compression::kNone)};
  const Image image = MakeImage({}, layers);
  const json descriptor = layout_.AddImage(image);
  layout_.AddItem(descriptor, "r.io/a:1");
  const auto archive = Read();
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_THAT(archive->images, SizeIs(1));
  const ArchiveImage& read = archive->images[0];
  EXPECT_THAT(read.repo_tags, ElementsAre("r.io/a:1"));
  EXPECT_EQ(read.manifest_digest.str(), descriptor["digest"]);
  EXPECT_EQ(Digest::Of(read.manifest), read.manifest_digest);
  EXPECT_EQ(read.manifest_media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(read.config.digest, image.config_digest);
  EXPECT_EQ(read.architecture, "amd64");
  ASSERT_THAT(read.layers, SizeIs(3));
  const char* const types[] = {"tar+gzip", "tar+zstd", "tar"};
  for (size_t i = 0; i < layers.size(); ++i) {
    const ArchiveLayer& layer = read.layers[i];
    EXPECT_EQ(layer.diff_id, layers[i].diff_id);
    EXPECT_EQ(layer.media_type, std::string("application/vnd.oci.image.layer.v1.") + types[i]);
    EXPECT_EQ(Digest::Of(file_.ReadAt(layer.blob.offset, layer.blob.size).value()),
              layers[i].digest);
  }
}

TEST_F(OciLayoutTest, NamesAsToolsWriteThem) {
  const char* const ref_name = "org.opencontainers.image.ref.name";
  const json image = layout_.AddImage(ImageOf("a"));
  layout_.AddItem(image, "r.io/a:1");
  layout_.AddItem(image, "r.io/other/a:1");  // `ctr images export` of two names
  layout_.AddItem(layout_.AddImage(ImageOf("b")), "busybox:1.33", ref_name);  // skopeo
  layout_.AddItem(layout_.AddImage(ImageOf("c")), "1.33", ref_name);          // a tag alone
  layout_.AddItem(layout_.AddImage(ImageOf("d")));
  const auto archive = Read();
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_THAT(archive->images, SizeIs(4));
  EXPECT_THAT(archive->images[0].repo_tags, ElementsAre("r.io/a:1", "r.io/other/a:1"));
  EXPECT_THAT(archive->images[1].repo_tags, ElementsAre("busybox:1.33"));
  EXPECT_THAT(archive->images[2].repo_tags, IsEmpty());
  EXPECT_THAT(archive->images[3].repo_tags, IsEmpty());
}

TEST_F(OciLayoutTest, OfAnIndexTheOneImageThatIsWhole) {
  const json arm = layout_.AddImage(ImageOf("arm", "arm64"));
  layout_.blobs().erase(OciLayoutBuilder::EntryOf(arm));
  const json s390 = layout_.AddImage(ImageOf("s390", "s390x"));
  const Image amd = ImageOf("amd");
  const json amd_manifest = layout_.AddImage(amd);
  json windows = layout_.AddImage(ImageOf("windows", "amd64", "windows"));
  json attestation = layout_.AddImage(ImageOf("attestation", "unknown", "linux"));
  attestation["annotations"] = {{"vnd.docker.reference.type", "attestation-manifest"}};
  windows["platform"] = {{"os", "windows"}, {"architecture", "amd64"}};
  // Its manifest is there, its layer is not.
  layout_.blobs().erase("blobs/sha256/" + ImageOf("s390", "s390x").layers[0].digest.hex());
  const json index = layout_.AddIndex({arm, s390, windows, amd_manifest, attestation});
  layout_.AddItem(layout_.AddIndex({index}), "r.io/a:1");
  const auto archive = Read();
  ASSERT_TRUE(archive.ok()) << archive.status();
  ASSERT_THAT(archive->images, SizeIs(1));
  EXPECT_EQ(archive->images[0].manifest_digest.str(), amd_manifest["digest"]);
  EXPECT_THAT(archive->images[0].repo_tags, ElementsAre("r.io/a:1"));
}

TEST_F(OciLayoutTest, SeveralWholePlatformsAreRefusedByName) {
  const json amd = layout_.AddImage(ImageOf("amd"));
  const json arm = layout_.AddImage(ImageOf("arm", "arm64"));
  layout_.AddItem(layout_.AddIndex({amd, arm}), "r.io/a:1");
  ExpectError(absl::StatusCode::kUnimplemented,
              {"r.io/a:1", "several platforms (amd64, arm64)", "--override-arch"});
}

TEST_F(OciLayoutTest, WhatIsNoContainerImageIsLeftOut) {
  const json config = layout_.AddBlob("application/vnd.cncf.helm.config.v1+json", "{}");
  const json chart = {{"schemaVersion", 2}, {"config", config}, {"layers", json::array()}};
  layout_.AddItem(layout_.AddBlob("application/vnd.oci.image.manifest.v1+json", chart.dump()),
                  "r.io/chart:1");
  layout_.AddItem(layout_.AddBlob("application/json", "{}"));
  layout_.AddItem(layout_.AddImage(ImageOf("a")), "r.io/a:1");
  const auto archive = Read();
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_THAT(archive->images, SizeIs(1));
}

TEST_F(OciLayoutTest, AManifestJsonBesideTheIndexWins) {
  const Image image = ImageOf("a");
  support::TarWriter tar;
  tar.AddFile("c.json", image.config);
  tar.AddFile("l.tar", image.layers[0].blob);
  tar.AddFile("index.json", "{\"manifests\":null}");
  tar.AddFile("oci-layout", "{}");
  tar.AddFile("manifest.json", "[]");
  const auto archive = Read(tar.Finish());
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_THAT(archive->images, IsEmpty());
}

TEST_F(OciLayoutTest, AMissingBlobIsNamed) {
  const Image image = ImageOf("a");
  const json manifest = layout_.AddImage(image);
  layout_.AddItem(layout_.AddIndex({manifest}), "r.io/a:1");
  for (const std::string& entry :
       {OciLayoutBuilder::EntryOf(manifest), "blobs/sha256/" + image.config_digest.hex(),
        "blobs/sha256/" + image.layers[0].digest.hex()}) {
    const Rope bytes = layout_.blobs().at(entry);
    layout_.blobs().erase(entry);
    ExpectError(absl::StatusCode::kNotFound, {"images.tar: r.io/a:1", entry, "is missing"});
    layout_.blobs()[entry] = bytes;
  }
  EXPECT_TRUE(Read().ok());
}

TEST_F(OciLayoutTest, ADamagedBlobIsNamed) {
  const Image image = ImageOf("a");
  const json manifest = layout_.AddImage(image);
  layout_.AddItem(manifest, "r.io/a:1");
  const auto code = absl::StatusCode::kDataLoss;
  for (const std::string& entry :
       {OciLayoutBuilder::EntryOf(manifest), "blobs/sha256/" + image.config_digest.hex()}) {
    const Rope bytes = layout_.blobs().at(entry);
    std::string damaged = bytes.str();
    damaged[damaged.size() / 2] ^= 1;
    layout_.blobs()[entry] = damaged;
    ExpectError(code, {"images.tar: r.io/a:1", entry, "is damaged: its digest is"});
    layout_.blobs()[entry] = bytes;
  }
  layout_.blobs()["blobs/sha256/" + image.layers[0].digest.hex()].Append(std::string("x"));
  ExpectError(code, {image.layers[0].digest.hex(), "are expected"});
}

TEST_F(OciLayoutTest, DocumentsThatMeanTwoThingsAreRefused) {
  const json image = layout_.AddImage(ImageOf("a"));
  const std::string manifest = layout_.blobs().at(OciLayoutBuilder::EntryOf(image)).str();
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  for (const json& change : {json({{"manifests", json::array()}}),
                             json({{"mediaType", "application/vnd.oci.image.index.v1+json"}})}) {
    json changed = json::parse(manifest);
    changed.update(change);
    layout_ = {};
    layout_.AddImage(ImageOf("a"));
    layout_.AddItem(layout_.AddBlob(type, changed.dump()), "r.io/a:1");
    ExpectError(absl::StatusCode::kInvalidArgument, {"is not what its descriptor says"});
  }
}

TEST_F(OciLayoutTest, AnIndexThatLeadsDeeperAndDeeperEnds) {
  json index = layout_.AddImage(ImageOf("a"));
  for (int i = 0; i < 10; ++i) index = layout_.AddIndex({index, index});
  layout_.AddItem(index, "r.io/a:1");
  ExpectError(absl::StatusCode::kInvalidArgument, {"nested deeper than"});
}

TEST_F(OciLayoutTest, LayersAreBoundedOverAllImages) {
  const support::Layer layer = MakeLayer({support::File("data", "a")});
  const json image = layout_.AddImage(MakeImage({}, std::vector(kMaxLayersPerImage, layer)));
  for (uint64_t i = 0; i * kMaxLayersPerImage <= kMaxLayersPerArchive; ++i) layout_.AddItem(image);
  ExpectError(absl::StatusCode::kResourceExhausted, {"layers together"});
}

TEST_F(OciLayoutTest, ACompressedLayerThatIsSaidToBePlainIsRefused) {
  Image image = ImageOf("a");
  image.layers[0].compression = Compression::kNone;
  layout_.AddItem(layout_.AddImage(image), "r.io/a:1");
  ExpectError(absl::StatusCode::kInvalidArgument,
              {"r.io/a:1", image.layers[0].digest.str(), "is said to be uncompressed"});
}

TEST_F(OciLayoutTest, ALayerThatContainerdCannotUnpackIsRefused) {
  const Image image = ImageOf("a");
  json manifest =
      json::parse(layout_.blobs().at(OciLayoutBuilder::EntryOf(layout_.AddImage(image))).str());
  manifest["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+encrypted";
  layout_.AddItem(layout_.AddBlob("application/vnd.oci.image.manifest.v1+json", manifest.dump()),
                  "r.io/a:1");
  ExpectError(absl::StatusCode::kUnimplemented, {"r.io/a:1", "tar+encrypted"});
}

TEST_F(OciLayoutTest, AnyOtherJsonIsRefusedNotTrusted) {
  const std::string item = "{\"manifests\":[{\"digest\":\"" + Digest::Of("x").str() + "\"";
  const std::string name = "\"annotations\":{\"io.containerd.image.name\":1}";
  for (const std::string& index : std::vector<std::string>{
           "", "[]", "{\"manifests\":{}}", "{\"manifests\":[null]}", "{\"manifests\":[{}]}",
           item + "}]}", item + ",\"size\":-1}]}", item + ",\"size\":1," + name + "}]}",
           "{\"manifests\":[{\"digest\":\"sha256:../../x\",\"size\":1}]}"}) {
    support::TarWriter tar;
    tar.AddFile("index.json", index);
    const absl::Status status = Read(tar.Finish()).status();
    EXPECT_FALSE(status.ok()) << index;
    EXPECT_THAT(Message(status), HasSubstr("images.tar")) << index;
  }
}

// Each is within its bound, and read again for every item that leads to it.
TEST_F(OciLayoutTest, DocumentsAreBoundedTogether) {
  std::string manifest = R"({"config":{"mediaType":"other","digest":"sha256:)" +
                         std::string(64, 'a') + R"(","size":1}})";
  manifest.resize(4 * kMiB, ' ');
  const json descriptor = layout_.AddBlob("application/vnd.oci.image.manifest.v1+json", manifest);
  for (int i = 0; i < 100; ++i) layout_.AddItem(descriptor);
  ExpectError(absl::StatusCode::kResourceExhausted, {"manifests"});
}

}  // namespace
}  // namespace lighter
