#include "coordinator/plan/disk_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/plan/load_work.h"
#include "tests/support/compress.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class UnpackedSizesTest : public ::testing::Test {
 protected:
  // What is said of a layer with these stored bytes, somewhere in a larger file.
  uint64_t SizeOf(const std::string& stored) {
    const std::string path = dir_.File(absl::StrCat("f", ++files_));
    std::ofstream(path) << "before" << stored << "behind";
    return SizeAt(path, 6, stored.size());
  }

  static uint64_t SizeAt(const std::string& path, uint64_t offset, uint64_t size) {
    LoadWork work;
    work.images.emplace_back().add_layers()->mutable_blob()->set_digest("sha256:a");
    auto file = ReadableFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    work.blobs["sha256:a"] = {.file = std::make_shared<const ReadableFile>(*std::move(file)),
                              .offset = offset,
                              .size = size,
                              .entry = "a"};
    const auto sizes = UnpackedSizes(work);
    EXPECT_TRUE(sizes.ok()) << sizes.status();
    return sizes.ok() ? sizes->at("sha256:a") : 0;
  }

  support::TempDir dir_;
  int files_ = 0;
};

std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST_F(UnpackedSizesTest, AreKnownFromAFewBytesOfTheLayer) {
  const std::string text(100'000, 'x');
  EXPECT_EQ(SizeOf(text), 100'000u);
  EXPECT_EQ(SizeOf(support::Compress(text, Compression::kGzip)), 100'000u);
  EXPECT_EQ(SizeOf(support::Compress(text, Compression::kZstd)), 100'000u);
  EXPECT_EQ(SizeOf(support::Compress(Noise(100'000), Compression::kGzip)), 100'000u);
}

TEST_F(UnpackedSizesTest, AreGuessedWhereTheLayerDoesNotTell) {
  const std::string members = support::Compress(Noise(100'000), Compression::kGzip) +
                              support::Compress("the end", Compression::kGzip);
  EXPECT_EQ(SizeOf(members), 3 * members.size());
  EXPECT_EQ(SizeOf("\x1f\x8b\x08"), 9u);
  EXPECT_EQ(SizeOf(""), 0u);
}

TEST_F(UnpackedSizesTest, OfALayerOf25GB) {
  std::ofstream(dir_.File("sparse")) << "x";
  std::filesystem::resize_file(dir_.File("sparse"), 25 * kGiB);
  EXPECT_EQ(SizeAt(dir_.File("sparse"), 512, 25 * kGiB - 512), 25 * kGiB - 512);
}

class CheckDisksTest : public ::testing::Test {
 protected:
  CheckDisksTest() {
    NodePlan& node = nodes_.emplace_back();
    node.name = "node1";
    node.inventory.set_total_bytes(1000 * kMiB);
    node.inventory.set_free_bytes(400 * kMiB);
    v1::BlobNeed& need = *node.inventory.add_needs();
    need.set_digest("sha256:a");
    need.set_size(100 * kMiB);
    node.inventory.add_to_unpack("sha256:a");
    kubelets_["node1"] = {.policy = "", .preloaded = {}, .eviction = {}, .gc_percent = 100};
  }

  const NodePlan& Check(uint64_t unpacked_bytes) {
    CheckDisks({{"sha256:a", unpacked_bytes}}, kubelets_, nodes_);
    return nodes_[0];
  }

  std::vector<NodePlan> nodes_;
  std::map<std::string, KubeletConfig> kubelets_;
};

TEST_F(CheckDisksTest, WhatFitsIsLoaded) {
  const NodePlan& node = Check(299 * kMiB);
  EXPECT_TRUE(node.status.ok()) << node.status;
  EXPECT_EQ(node.disk.need_bytes(), 399 * kMiB);
  EXPECT_EQ(node.disk.note, "");
}

TEST_F(CheckDisksTest, WhatFitsOnlyAsItIsStoredDoesNotFit) {
  const absl::Status status = Check(300 * kMiB + 1).status;
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(Message(status), AllOf(HasSubstr("E-DISK-FULL: "), HasSubstr("100.0 MiB to move"),
                                     HasSubstr("lighter prune")));
}

TEST_F(CheckDisksTest, TheKubeletsReserveStaysFree) {
  for (const DiskReserve reserve :
       {DiskReserve{.bytes = 0, .percent = 15}, DiskReserve{.bytes = 150 * kMiB, .percent = 0}}) {
    kubelets_["node1"].eviction = reserve;
    EXPECT_TRUE(Check(150 * kMiB).status.ok());
    const absl::Status status = Check(150 * kMiB + 1).status;
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(Message(status),
                AllOf(HasSubstr("E-DISK-PRESSURE: "), HasSubstr("of which 150.0 MiB must stay")));
    nodes_[0].status = absl::OkStatus();
  }
}

TEST_F(CheckDisksTest, AKubeletThatWillCollectIsANote) {
  kubelets_["node1"].gc_percent = 85;
  EXPECT_EQ(Check(100 * kMiB).disk.note, "");
  const NodePlan& node = Check(150 * kMiB);
  EXPECT_TRUE(node.status.ok()) << node.status;
  EXPECT_THAT(node.disk.note, HasSubstr("N-DISK-GC: over 85 %"));
}

TEST_F(CheckDisksTest, FewInodesAreANote) {
  nodes_[0].inventory.set_free_inodes(16 * 64);  // a file in 16 KiB of 16 MiB
  EXPECT_EQ(Check(16 * kMiB).disk.note, "");
  const NodePlan& node = Check(17 * kMiB);
  EXPECT_TRUE(node.status.ok()) << node.status;
  EXPECT_THAT(node.disk.note, HasSubstr("N-DISK-INODES: only 1024 inodes"));
}

TEST_F(CheckDisksTest, ANodeThatNeedsNothingIsNeverInTheWay) {
  nodes_[0].inventory.clear_needs();
  nodes_[0].inventory.clear_to_unpack();
  nodes_[0].inventory.set_free_bytes(1);
  kubelets_["node1"].eviction = {.bytes = 0, .percent = 15};
  EXPECT_TRUE(Check(0).status.ok());
}

TEST_F(CheckDisksTest, ADiskThatNobodyCanSeeIsNotJudged) {
  nodes_[0].inventory.set_free_bytes(0);
  EXPECT_TRUE(Check(900 * kMiB).status.ok());
}

TEST_F(CheckDisksTest, AKubeletThatCannotBeAskedLeavesTheFirstRule) {
  kubelets_.clear();
  EXPECT_TRUE(Check(300 * kMiB).status.ok());
  EXPECT_FALSE(Check(301 * kMiB).status.ok());
}

TEST_F(CheckDisksTest, ANodeThatCannotBeServedKeepsItsCause) {
  nodes_[0].status = absl::UnavailableError("away");
  EXPECT_EQ(Message(Check(900 * kMiB).status), "away");
}

// A model of 25 GB and something small; node1 is too small for the model, and node2 is not.
TEST(SparedNodeTest, IsNotTooSmallForWhatDoesNotGoThere) {
  support::TempDir dir;
  std::ofstream(dir.File("sparse")) << "x";
  std::filesystem::resize_file(dir.File("sparse"), 25 * kGiB);
  auto file = ReadableFile::Open(dir.File("sparse"));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto shared = std::make_shared<const ReadableFile>(*std::move(file));
  LoadWork work;
  for (const auto& [name, size] : {std::pair("model", 25 * kGiB), std::pair("web", kMiB)}) {
    v1::Image& image = work.images.emplace_back();
    image.set_manifest_digest(name);
    v1::Blob& blob = *image.add_layers()->mutable_blob();
    blob.set_digest(absl::StrCat("sha256:", name));
    blob.set_size(size);
    work.blobs[blob.digest()] = {.file = shared, .offset = 0, .size = size, .entry = name};
  }
  const auto sizes = UnpackedSizes(work);
  ASSERT_TRUE(sizes.ok()) << sizes.status();

  const auto check = [&](const std::set<std::string>& spared_by_node1) {
    std::vector<NodePlan> nodes(2);
    nodes[0].endpoint.spared = spared_by_node1;
    for (NodePlan& node : nodes) {
      node.inventory.set_free_bytes(&node == nodes.data() ? 40 * kGiB : 60 * kGiB);
      for (const v1::Image* image : ImagesFor(work.images, node.endpoint)) {
        v1::BlobNeed& need = *node.inventory.add_needs();
        need.set_digest(image->layers(0).blob().digest());
        need.set_size(image->layers(0).blob().size());
        node.inventory.add_to_unpack(need.digest());
      }
    }
    CheckDisks(*sizes, {}, nodes);
    EXPECT_TRUE(nodes[1].status.ok()) << nodes[1].status;
    EXPECT_EQ(nodes[1].disk.need_bytes(), 50 * kGiB + 2 * kMiB);
    EXPECT_EQ(DistinctBytes(work, nodes[1].endpoint), 25 * kGiB + kMiB);
    return nodes[0];
  };
  EXPECT_THAT(Message(check({}).status), HasSubstr("E-DISK-FULL: "));
  const NodePlan node1 = check({"model"});
  EXPECT_TRUE(node1.status.ok()) << node1.status;
  EXPECT_EQ(node1.disk.need_bytes(), 2 * kMiB);
  EXPECT_EQ(DistinctBytes(work, node1.endpoint), kMiB);
}

TEST(DiskReserveTest, IsReadAsKubernetesWritesIt) {
  const auto eviction = [](const std::string& text) {
    const auto config = ParseKubeletConfig(absl::StrCat(
        R"({"kubeletconfig":{"evictionHard":{"imagefs.available":")", text, R"("}}})"));
    EXPECT_TRUE(config.ok()) << config.status();
    return config->eviction.Of(1000);
  };
  EXPECT_EQ(eviction("15%"), 150u);
  EXPECT_EQ(eviction("2Gi"), 2 * kGiB);
  EXPECT_EQ(eviction("1.5Mi"), 3 * kMiB / 2);
  EXPECT_EQ(eviction("500M"), 500'000'000u);
  EXPECT_EQ(eviction("77"), 77u);
  for (const char* text : {"", "x%", "-1", "1Zi", "nan", "1e400"}) EXPECT_EQ(eviction(text), 0u);
}

}  // namespace
}  // namespace lighter
