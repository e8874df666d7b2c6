// Loads that go well, and what they leave on the node.
#include <gmock/gmock.h>

#include "absl/time/clock.h"
#include "agent/containerd_client.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {
namespace {

using support::File;
using support::MakeImage;
using support::MakeLayer;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class LoadTest : public NodeTest {};
FOR_EVERY_CONTAINERD(LoadTest);

TEST_P(LoadTest, ColdLoadProvesEveryName) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 300'000, 1), DataLayer("b", 3'000'000, 2)}),
             {"registry.example.com/team/app:1.0"});
  images.Add(MakeImage({}, {DataLayer("c", 10, 3)}), {"docker.io/library/tiny:latest"});
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  EXPECT_EQ(result.need.blobs_size(), 5);
  EXPECT_TRUE(result.staged);
  EXPECT_TRUE(result.done);
  ASSERT_THAT(result.proofs, SizeIs(2));
  for (int i = 0; i < 2; ++i) {
    const v1::Image& image = images.start().images(i);
    EXPECT_EQ(result.proofs[i].name(), image.names(0));
    EXPECT_EQ(result.proofs[i].config_digest(), image.config().digest());
    EXPECT_TRUE(result.proofs[i].changed());
  }
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(LoadTest, OnlyTheNameIsPinnedAgainstImageGc) {
  ImageSet images;
  const v1::Image& image =
      images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
  ASSERT_OK(Load(agent(), images).status);
  const auto pinned = [&](const std::string& name) {
    const auto line = containerd().Ctr({"images", "ls", "name==" + name});
    EXPECT_OK(line.status());
    EXPECT_THAT(line.value_or(""), HasSubstr("io.cri-containerd.image=managed")) << name;
    return line.value_or("").find("io.cri-containerd.pinned=pinned") != std::string::npos;
  };
  EXPECT_TRUE(pinned("example.com/a:1"));
  EXPECT_FALSE(pinned("example.com/a@" + image.manifest_digest()));
  EXPECT_FALSE(pinned(image.config().digest()));
}

TEST_P(LoadTest, SecondLoadNeedsNothingAndChangesNothing) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 300'000, 1)}), {"registry.example.com/app:1.0"});
  ASSERT_OK(Load(agent(), images).status);
  const NodeListing before = List();

  const LoadResult second = Load(agent(), images);
  ASSERT_OK(second.status);
  EXPECT_EQ(second.need.blobs_size(), 0);
  ASSERT_THAT(second.proofs, SizeIs(1));
  EXPECT_FALSE(second.proofs[0].changed());
  EXPECT_EQ(second.received_bytes, 0U);
  EXPECT_EQ(List(), before);
}

TEST_P(LoadTest, SharedLayersAreSentAndUnpackedOnce) {
  const support::Layer base = DataLayer("base", 200'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {base, DataLayer("a", 1000, 2)}), {"example.com/a:1"});
  images.Add(MakeImage({}, {base, DataLayer("b", 1000, 3)}), {"example.com/b:1"});
  // The same layer on another one: another snapshot of the same blob.
  images.Add(MakeImage({}, {DataLayer("c", 1000, 4), base}), {"example.com/c:1"});
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  EXPECT_EQ(result.need.blobs_size(), 3 + 4);
  ExpectProven(images);
  EXPECT_THAT(List().snapshots, SizeIs(5));
  ExpectNothingLeaked();
}

TEST_P(LoadTest, UpgradeSendsOnlyWhatChanged) {
  const support::Layer base = DataLayer("base", 200'000, 1);
  ImageSet first;
  first.Add(MakeImage({}, {base, DataLayer("app", 1000, 2)}), {"example.com/app:1"});
  ASSERT_OK(Load(agent(), first).status);

  const support::Layer changed = DataLayer("app", 1000, 3);
  ImageSet second;
  const v1::Image& image = second.Add(MakeImage({}, {base, changed}), {"example.com/app:2"});
  const LoadResult result = Load(agent(), second);
  ASSERT_OK(result.status);
  ASSERT_EQ(result.need.blobs_size(), 2);
  EXPECT_EQ(result.need.blobs(0).digest(), image.config().digest());
  EXPECT_EQ(result.need.blobs(1).digest(), changed.digest.str());
  ExpectProven(first);
  ExpectProven(second);
  ExpectNothingLeaked();
}

TEST_P(LoadTest, ALayerWhoseSnapshotExistsIsNotNeededWithoutItsBlob) {
  const support::Layer base = DataLayer("base", 200'000, 1);
  ImageSet first;
  first.Add(MakeImage({}, {base}), {"example.com/app:1"});
  ASSERT_OK(Load(agent(), first).status);
  ASSERT_OK(containerd().Ctr({"content", "rm", base.digest.str()}).status());

  ImageSet second;
  second.Add(MakeImage({}, {base, DataLayer("app", 1000, 3)}), {"example.com/app:2"});
  const LoadResult result = Load(agent(), second);
  ASSERT_OK(result.status);
  EXPECT_EQ(result.need.blobs_size(), 2);
  EXPECT_THAT(result.proofs, SizeIs(1));
  ExpectNothingLeaked();
}

TEST_P(LoadTest, OneImageMayHaveSeveralNames) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1", "docker.io/x/a:stable"});
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  EXPECT_THAT(result.proofs, SizeIs(2));
  ExpectProven(images);

  // One more name for what is there already moves no byte.
  images.start().mutable_images(0)->add_names("example.com/a:2");
  const LoadResult more = Load(agent(), images);
  ASSERT_OK(more.status);
  EXPECT_EQ(more.need.blobs_size(), 0);
  ASSERT_THAT(more.proofs, SizeIs(3));
  EXPECT_FALSE(more.proofs[0].changed());
  EXPECT_FALSE(more.proofs[1].changed());
  EXPECT_TRUE(more.proofs[2].changed());
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(LoadTest, PinnedDigestsAndRepoDigestsAreFound) {
  ImageSet images;
  v1::Image& image = images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
  image.add_names("example.com/b@" + image.manifest_digest());
  ASSERT_OK(Load(agent(), images).status);
  ExpectProven(images);
  const Containerd client(containerd().socket());
  const auto id = client.CriImageId("example.com/a:1@" + image.manifest_digest());
  ASSERT_OK(id.status());
  EXPECT_EQ(*id, image.config().digest());
}

TEST_P(LoadTest, ANameMovesToAnotherImage) {
  const std::string name = "example.com/app:latest";
  ImageSet old_image;
  old_image.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {name});
  ASSERT_OK(Load(agent(), old_image).status);
  ImageSet new_image;
  new_image.Add(MakeImage({}, {DataLayer("a", 1000, 2)}), {name});

  v1::InventoryReply inventory;
  grpc::ClientContext context;
  ASSERT_TRUE(agent()->Inventory(&context, new_image.inventory(), &inventory).ok());
  ASSERT_EQ(inventory.names_size(), 1);
  EXPECT_FALSE(inventory.names(0).proven());
  EXPECT_EQ(inventory.names(0).current_manifest_digest(),
            old_image.start().images(0).manifest_digest());

  const LoadResult result = Load(agent(), new_image);
  ASSERT_OK(result.status);
  EXPECT_TRUE(result.proofs.at(0).changed());
  ExpectProven(new_image);
  ExpectNothingLeaked();
}

TEST_P(LoadTest, EveryCompressionUnpacks) {
  const auto layer = [](const char* name, Compression compression) {
    return MakeLayer({File(name, RandomBytes(5000, 7))}, compression);
  };
  ImageSet images;
  images.Add(MakeImage({}, {layer("plain", Compression::kNone), layer("gzip", Compression::kGzip),
                            layer("zstd", Compression::kZstd)}),
             {"example.com/mixed:1"});
  ASSERT_OK(Load(agent(), images).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(LoadTest, AnImageWithoutLayersLoads) {
  ImageSet images;
  images.Add(MakeImage({}, {}), {"example.com/empty:1"});
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  EXPECT_EQ(result.proofs.at(0).top_chain_id(), "");
  ExpectNothingLeaked();
}

TEST_P(LoadTest, AbandonLeavesTheNodeAsItWas) {
  ImageSet kept;
  kept.Add(MakeImage({}, {DataLayer("kept", 1000, 1)}), {"example.com/kept:1"});
  ASSERT_OK(Load(agent(), kept).status);
  const NodeListing before = List();

  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 500'000, 2), DataLayer("b", 500'000, 3)}),
             {"example.com/a:1"});
  {
    LoadClient staged(agent(), &images);
    ASSERT_TRUE(staged.Begin() && staged.SendAll() && staged.AwaitStaged());
    EXPECT_NE(List(), before);
    const LoadResult result = staged.Finish(v1::Finish::ABANDON);
    ASSERT_OK(result.status);
    EXPECT_TRUE(result.done);
    EXPECT_EQ(List(), before);
  }
  LoadClient half_way(agent(), &images);
  ASSERT_TRUE(half_way.Begin() && half_way.SendBytes(700'000));
  ASSERT_OK(half_way.Finish(v1::Finish::ABANDON).status);
  EXPECT_EQ(List(), before);
  ExpectProven(kept);
}

TEST_P(LoadTest, InventoryTellsWhatALoadWouldNeed) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1), DataLayer("b", 1000, 2)}),
             {"example.com/a:1"});
  v1::InventoryReply cold;
  grpc::ClientContext cold_context;
  ASSERT_TRUE(agent()->Inventory(&cold_context, images.inventory(), &cold).ok());
  EXPECT_EQ(cold.needs_size(), 3);
  EXPECT_GT(cold.free_bytes(), 0U);
  EXPECT_GT(cold.free_inodes(), 0U);
  ASSERT_EQ(cold.names_size(), 1);
  EXPECT_EQ(cold.names(0).current_manifest_digest(), "");
  EXPECT_EQ(List(), NodeListing());

  ASSERT_OK(Load(agent(), images).status);
  v1::InventoryReply warm;
  grpc::ClientContext warm_context;
  ASSERT_TRUE(agent()->Inventory(&warm_context, images.inventory(), &warm).ok());
  EXPECT_EQ(warm.needs_size(), 0);
  EXPECT_TRUE(warm.names(0).proven());
}

TEST_P(LoadTest, InventoryOfFiftyProvenImagesTakesAMoment) {
  const support::Layer base = DataLayer("base", 1000, 1);
  ImageSet images;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "example.com/app-" + std::to_string(i);
    images.Add(MakeImage({}, {base}, {.env = {name}}), {name + ":1"});
  }
  ASSERT_OK(Load(agent(), images).status);
  v1::InventoryReply reply;
  grpc::ClientContext context;
  const absl::Time start = absl::Now();
  ASSERT_TRUE(agent()->Inventory(&context, images.inventory(), &reply).ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
  EXPECT_EQ(reply.names_size(), 50);
  for (const v1::NameState& name : reply.names()) EXPECT_TRUE(name.proven()) << name.name();
}

// A node whose CRI is configured for another snapshotter than the namespace's default.
class SnapshotterTest : public NodeTest {
 protected:
  void SetUp() override {
    auto started = TestContainerd::Start(GetParam(), {}, "native");
    ASSERT_OK(started.status());
    containerd_ = *std::move(started);
    agent_ = std::make_unique<InProcessAgent>(containerd_->socket());
  }
};
FOR_EVERY_CONTAINERD(SnapshotterTest);

TEST_P(SnapshotterTest, ImagesAreUnpackedWhereTheKubeletStartsThem) {
  v1::InfoReply info;
  grpc::ClientContext context;
  ASSERT_TRUE(agent()->Info(&context, {}, &info).ok());
  EXPECT_EQ(info.snapshotter(), "native");

  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  const auto native = containerd().Ctr({"snapshots", "--snapshotter", "native", "ls"});
  ASSERT_OK(native.status());
  EXPECT_THAT(*native, HasSubstr(result.proofs.at(0).top_chain_id()));
  EXPECT_TRUE(List().snapshots.empty());
}

TEST_P(LoadTest, InfoTellsWhoAnswers) {
  v1::InfoReply reply;
  grpc::ClientContext context;
  ASSERT_TRUE(agent()->Info(&context, {}, &reply).ok());
  EXPECT_EQ(reply.node_name(), "node-1");
  EXPECT_EQ(reply.snapshotter(), "overlayfs");
  EXPECT_NE(reply.containerd_version(), "");
}

}  // namespace
}  // namespace lighter::testing
