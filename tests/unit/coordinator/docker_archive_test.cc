#include "coordinator/transfer/docker_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/image_archive.h"
#include "common/status.h"
#include "coordinator/package/ustar.h"
#include "tests/support/image_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using support::MakeImage;
using support::MakeLayer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DockerArchiveTest : public ::testing::Test {
 protected:
  // Blobs lie one after the other in one file, as in a package.
  void Add(const support::Image& image, const std::vector<std::string>& names) {
    v1::Image& proto = work_.images.emplace_back();
    for (const std::string& name : names) proto.add_names(name);
    Put(image.config_digest, image.config, *proto.mutable_config());
    for (const support::Layer& layer : image.layers) {
      Put(layer.digest, layer.blob.str(), *proto.add_layers()->mutable_blob());
    }
  }

  void Put(const Digest& digest, const std::string& bytes, v1::Blob& blob) {
    blob.set_digest(digest.str());
    blob.set_size(bytes.size());
    work_.blobs.try_emplace(digest.str(),
                            BlobLocation{.file = nullptr,
                                         .offset = package_.size(),
                                         .size = bytes.size(),
                                         .entry = "x.bundle.tar: images.tar: " + digest.hex()});
    package_ += bytes;
  }

  absl::StatusOr<std::string> Write() {
    const std::string path = folder_.path() + "/package.tar";
    RETURN_IF_ERROR(WriteFileAtomic(path, package_, 0644));
    ASSIGN_OR_RETURN(ReadableFile file, ReadableFile::Open(path));
    const auto shared = std::make_shared<const ReadableFile>(std::move(file));
    for (auto& [digest, blob] : work_.blobs) blob.file = shared;
    std::string archive;
    RETURN_IF_ERROR(WriteDockerArchive(work_, [&archive](std::string_view bytes) {
      archive += bytes;
      return absl::OkStatus();
    }));
    return archive;
  }

  support::TempDir folder_;
  std::string package_;
  LoadWork work_;
};

TEST_F(DockerArchiveTest, HasEveryImageUnderItsTargetNamesAndEachBlobOnce) {
  const support::Layer shared = MakeLayer({support::File("a", std::string("base"))});
  const support::Layer own = MakeLayer({support::File("b", std::string("web"))});
  Add(MakeImage({}, {shared, own}), {"10.1.1.1/a/web:1", "r.io/web@sha256:1"});
  Add(MakeImage({}, {shared}), {"10.1.1.1/a/base:1"});
  const absl::StatusOr<std::string> archive = Write();
  ASSERT_TRUE(archive.ok()) << archive.status();

  const std::string path = folder_.path() + "/archive.tar";
  ASSERT_TRUE(WriteFileAtomic(path, *archive, 0644).ok());
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(path);
  ASSERT_TRUE(file.ok());
  const auto entries = IndexTar(*file, {0, file->size()}, "archive");
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->size(), 5U) << "manifest.json, two configs, two layers";
  const auto images = ReadImageArchive(*file, {0, file->size()}, "archive");
  ASSERT_TRUE(images.ok()) << images.status();
  ASSERT_EQ(images->images.size(), 2U);
  EXPECT_THAT(images->images[0].repo_tags, ElementsAre("10.1.1.1/a/web:1"));
  EXPECT_THAT(images->images[1].repo_tags, ElementsAre("10.1.1.1/a/base:1"));
  EXPECT_EQ(images->images[0].layers[1].blob.digest, own.digest);
  EXPECT_EQ(images->images[0].layers[0].blob.offset, images->images[1].layers[0].blob.offset);
  EXPECT_THAT(UnwritableNames(work_), ElementsAre("r.io/web@sha256:1"));
}

TEST_F(DockerArchiveTest, BytesThatAreNotTheirDigestsAreRefused) {
  Add(MakeImage({}, {MakeLayer({support::File("a", std::string("base"))})}), {"r.io/a:1"});
  package_.back() = static_cast<char>(package_.back() ^ 1);
  const absl::Status status = Write().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("x.bundle.tar: images.tar: "));
}

TEST(UstarTest, SizesBeyondOctalAreBinary) {
  const uint64_t size = 8ULL << 30;
  EXPECT_EQ(UstarHeader("a", 0644, size - 1).substr(124, 11), "77777777777");
  const std::string field = UstarHeader("a", 0644, size + 5).substr(124, 12);
  EXPECT_EQ(field, std::string("\x80\0\0\0\0\0\0\x02\0\0\0\x05", 12));
  EXPECT_THAT(TarPadding(1024), IsEmpty());
  EXPECT_EQ(TarPadding(1025).size(), 511U);
}

}  // namespace
}  // namespace lighter
