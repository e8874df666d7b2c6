// containerd killed at the worst moments, and a disk that fills up.
#include <gmock/gmock.h>

#include "tests/integration/node_test.h"
#include "tests/integration/small_disk.h"

namespace lighter::testing {
namespace {

using support::File;
using support::MakeImage;
using support::MakeLayer;
using ::testing::HasSubstr;

class CrashTest : public NodeTest {};
FOR_EVERY_CONTAINERD(CrashTest);

// Slow to unpack: many small files.
support::Layer ManyFiles(int count) {
  std::vector<support::LayerEntry> entries;
  for (int i = 0; i < count; ++i) entries.push_back(File("f" + std::to_string(i), "x"));
  return MakeLayer(entries);
}

TEST_P(CrashTest, ContainerdKilledInMidTransfer) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("b", 1000, 2), DataLayer("a", 20'000'000, 1)}),
             {"example.com/a:1"});
  {
    LoadClient client(agent(), &images);
    ASSERT_TRUE(client.Begin());
    ASSERT_TRUE(client.SendBytes(8'000'000));
    containerd().Kill();
    client.SendAll();
    const LoadResult result = client.End();
    EXPECT_EQ(result.status.code(), absl::StatusCode::kUnavailable) << result.status;
    EXPECT_THAT(std::string(result.status.message()),
                HasSubstr("containerd is not reachable at " + containerd().socket()));
  }
  ASSERT_OK(containerd().Restart());
  ASSERT_OK(Load(agent(), images).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(CrashTest, ContainerdKilledInMidUnpack) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("b", 1000, 2), ManyFiles(20000)}), {"example.com/a:1"});
  {
    LoadClient client(agent(), &images);
    ASSERT_TRUE(client.Begin() && client.SendAll());
    ASSERT_TRUE(client.ReadUntil([](const v1::LoadReply& reply) {
      return reply.progress().step() == "unpack layer 2/2 of example.com/a:1";
    }));
    containerd().Kill();
    const LoadResult result = client.End();
    EXPECT_EQ(result.status.code(), absl::StatusCode::kUnavailable) << result.status;
  }
  ASSERT_OK(containerd().Restart());
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  EXPECT_EQ(result.received_bytes, 0U);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(CrashTest, AbandonInMidUnpackLeavesNothing) {
  const NodeListing before = List();
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("b", 1000, 2), ManyFiles(20000)}), {"example.com/a:1"});
  LoadClient client(agent(), &images);
  ASSERT_TRUE(client.Begin() && client.SendAll());
  ASSERT_TRUE(client.ReadUntil([](const v1::LoadReply& reply) {
    return reply.progress().step() == "unpack layer 2/2 of example.com/a:1";
  }));
  const LoadResult result = client.Finish(v1::Finish::ABANDON);
  ASSERT_OK(result.status);
  EXPECT_TRUE(result.done);
  EXPECT_EQ(List(), before);
}

TEST_P(CrashTest, ABrokenStreamInMidUnpackLeavesNoActiveSnapshotForLong) {
  ImageSet images;
  images.Add(MakeImage({}, {ManyFiles(20000)}), {"example.com/a:1"});
  {
    LoadClient client(agent(), &images);
    ASSERT_TRUE(client.Begin() && client.SendAll());
    ASSERT_TRUE(client.ReadUntil(
        [](const v1::LoadReply& reply) { return reply.progress().step().starts_with("unpack"); }));
  }
  ASSERT_OK(Load(agent(), images).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

class FullDiskTest : public NodeTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disk_.mounted()) << "needs root and mkfs.ext4";
    auto started = TestContainerd::Start(GetParam(), disk_.path() + "/root");
    ASSERT_OK(started.status());
    containerd_ = *std::move(started);
    agent_ = std::make_unique<InProcessAgent>(containerd_->socket());
  }
  void TearDown() override {
    agent_ = nullptr;
    containerd_ = nullptr;
  }

  void ExpectRefusedAndEmptied(const ImageSet& images) {
    const NodeListing before = List();
    const uint64_t free_before = disk_.free_bytes();
    const LoadResult result = Load(agent(), images);
    EXPECT_EQ(result.status.code(), absl::StatusCode::kResourceExhausted) << result.status;
    EXPECT_THAT(std::string(result.status.message()), HasSubstr("no space left on the disk"));
    EXPECT_THAT(std::string(result.status.message()), HasSubstr("example.com/big:1"));
    EXPECT_THAT(std::string(result.status.message()), HasSubstr("was removed again"));
    ASSERT_OK(Load(agent(), ImageSet(), v1::Finish::ABANDON).status);
    EXPECT_EQ(List(), before);
    EXPECT_GT(disk_.free_bytes() + 2'000'000, free_before);

    ImageSet small;
    small.Add(MakeImage({}, {DataLayer("s", 1000, 9)}), {"example.com/small:1"});
    ASSERT_OK(Load(agent(), small).status);
    ExpectProven(small);
  }

  SmallDisk disk_;
};
FOR_EVERY_CONTAINERD(FullDiskTest);

TEST_P(FullDiskTest, FullInMidTransfer) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 5'000'000, 1), DataLayer("b", 60'000'000, 2)}),
             {"example.com/big:1"});
  ExpectRefusedAndEmptied(images);
}

TEST_P(FullDiskTest, FullInMidUnpack) {
  ImageSet images;
  const support::Layer zeros = MakeLayer({File("zeros", std::string(80'000'000, '\0'))});
  images.Add(MakeImage({}, {DataLayer("a", 5'000'000, 1), zeros}), {"example.com/big:1"});
  ExpectRefusedAndEmptied(images);
}

TEST_P(FullDiskTest, AFullDiskIsNotAnUnknownOne) {
  disk_.Fill();
  ASSERT_EQ(disk_.free_bytes(), 0U);
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/big:1"});
  v1::InventoryReply reply;
  grpc::ClientContext context;
  ASSERT_TRUE(agent()->Inventory(&context, images.inventory(), &reply).ok());
  EXPECT_EQ(reply.free_bytes(), 1U);
}

TEST_P(FullDiskTest, FullInMidPublish) {
  ImageSet images;
  v1::Image& image = images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/big:0"});
  for (int i = 1; i < 1000; ++i) image.add_names("example.com/big:" + std::to_string(i));
  LoadClient client(agent(), &images);
  ASSERT_TRUE(client.Begin() && client.SendAll() && client.AwaitStaged());
  disk_.Fill();
  const LoadResult result = client.Finish(v1::Finish::PUBLISH);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kResourceExhausted) << result.status;
  EXPECT_THAT(std::string(result.status.message()),
              HasSubstr("the names that it had created by then stay"));
}

}  // namespace
}  // namespace lighter::testing
