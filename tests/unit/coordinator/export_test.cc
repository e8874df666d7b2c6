// What `lighter agent export` writes is an agent that can be started: as a program, from an image.
#include "coordinator/install/export.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "common/image_archive.h"
#include "common/limits.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() {
    uLongf size = ::compressBound(program_.size());
    compressed_.resize(size);
    EXPECT_EQ(::compress(reinterpret_cast<Bytef*>(compressed_.data()), &size,
                         reinterpret_cast<const Bytef*>(program_.data()), program_.size()),
              Z_OK);
    compressed_.resize(size);
  }

  AgentPayload Payload() const {
    return {.architecture = "amd64",
            .compressed = compressed_,
            .unpacked_size = program_.size(),
            .systemd_unit = "[Service]"};
  }

  const std::string program_ =
      "\x7f"
      "ELF " +
      std::string(100'000, 'p');
  std::string compressed_;
  support::TempDir dir_;
};

TEST_F(ExportTest, WritesProgramUnitAndImage) {
  const std::string folder = dir_.File("new/out");
  const auto paths = ExportAgent(Payload(), folder);
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_THAT(*paths, ElementsAre(folder + "/lighter-agent", folder + "/lighter-agent.service",
                                  folder + "/lighter-agent-image.tar"));
  EXPECT_EQ(ReadFile(paths->at(0), kMiB).value(), program_);
  struct stat info {};
  ASSERT_EQ(::stat(paths->at(0).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0755u);
  EXPECT_EQ(ReadFile(paths->at(1), kMiB).value(), "[Service]");
}

// Read back by what reads vendors' packages.
TEST_F(ExportTest, TheImageHoldsTheProgram) {
  const std::string archive = AgentImageArchive("amd64", program_);
  EXPECT_EQ(archive, AgentImageArchive("amd64", program_));
  const std::string path = dir_.File("image.tar");
  ASSERT_TRUE(WriteFileAtomic(path, archive, 0644).ok());
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(path);
  ASSERT_TRUE(file.ok());
  const auto read = ReadImageArchive(*file, {0, file->size()}, "image.tar");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->images.size(), 1u);
  const ArchiveImage& image = read->images[0];
  EXPECT_THAT(image.repo_tags, ElementsAre(ExportedImageName()));
  EXPECT_EQ(image.architecture, "amd64");
  ASSERT_EQ(image.layers.size(), 1u);
  const StoredBlob& layer = image.layers[0].blob;
  const std::string bytes = file->ReadAt(layer.offset, layer.size).value();
  EXPECT_EQ(Digest::Of(bytes), image.layers[0].diff_id);
  EXPECT_NE(bytes.find(program_), std::string::npos);
  EXPECT_TRUE(bytes.starts_with("lighter-agent"));
  const auto config =
      nlohmann::json::parse(file->ReadAt(image.config.offset, image.config.size).value());
  EXPECT_EQ(config.at("config").at("Entrypoint"), nlohmann::json::array({"/lighter-agent"}));
}

TEST_F(ExportTest, ADamagedPayloadIsTold) {
  AgentPayload payload = Payload();
  payload.compressed.remove_suffix(10);
  EXPECT_EQ(ExportAgent(payload, dir_.File("out")).status().code(), absl::StatusCode::kDataLoss);
  payload = Payload();
  payload.unpacked_size -= 1;
  EXPECT_EQ(ExportAgent(payload, dir_.File("out")).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace lighter
