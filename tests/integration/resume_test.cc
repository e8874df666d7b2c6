// Loads that are broken off and continued, and loads that meet each other.
#include <gmock/gmock.h>

#include <thread>

#include "absl/time/clock.h"
#include "agent/blob_writer.h"
#include "agent/containerd_client.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ResumeTest : public NodeTest {
 protected:
  // A write of `layer` as a kubelet's pull would do it, up to `bytes`.
  std::unique_ptr<BlobWriter> BeginWrite(const support::Layer& layer, const std::string& bytes) {
    const BlobTarget target{BlobKind::kLayer, {"", layer.digest, layer.blob.size()}, {}, "test"};
    auto writer = BlobWriter::Open(Containerd(containerd().socket()), target);
    EXPECT_OK(writer.status());
    if (!writer.ok()) return nullptr;
    EXPECT_OK((*writer)->Write(bytes));
    return *std::move(writer);
  }

  // A write that was broken off after `bytes`.
  void LeaveIngest(const support::Layer& layer, const std::string& bytes) {
    const std::unique_ptr<BlobWriter> writer = BeginWrite(layer, bytes);
    AwaitOffset(layer, bytes.size());
  }

  // A write of `layer` is there, and has so many bytes.
  void AwaitOffset(const support::Layer& layer, uint64_t bytes) {
    const std::string ref = "layer-" + layer.digest.str();
    const Containerd client(containerd().socket());
    for (int i = 0; i < 500; ++i) {
      const auto offset = client.IngestOffset(ref);
      if (offset.ok() && offset->value_or(0) == bytes) return;
      absl::SleepFor(absl::Milliseconds(10));
    }
    ADD_FAILURE() << ref << " never had " << bytes << " bytes";
  }
};
FOR_EVERY_CONTAINERD(ResumeTest);

TEST_P(ResumeTest, ABrokenLoadContinuesWhereItStopped) {
  const support::Layer first = DataLayer("a", 2'000'000, 1);
  const support::Layer second = DataLayer("b", 20'000'000, 2);
  ImageSet images;
  images.Add(MakeImage({}, {first, second}), {"example.com/a:1"});
  {
    LoadClient broken(agent(), &images);
    ASSERT_TRUE(broken.Begin());
    ASSERT_TRUE(broken.SendBytes(15'000'000));
    ASSERT_TRUE(broken.ReadUntil(
        [](const v1::LoadReply& reply) { return reply.progress().stored_bytes() > 10'000'000; }));
  }
  LoadClient resumed(agent(), &images);
  ASSERT_TRUE(resumed.Begin());
  ASSERT_EQ(resumed.need().blobs_size(), 1);
  EXPECT_EQ(resumed.need().blobs(0).digest(), second.digest.str());
  EXPECT_GT(resumed.need().blobs(0).offset(), 0U);
  EXPECT_THAT(List().leases, SizeIs(1));
  ASSERT_TRUE(resumed.SendAll() && resumed.AwaitStaged());
  const LoadResult result = resumed.Finish(v1::Finish::PUBLISH);
  ASSERT_OK(result.status);
  EXPECT_LT(result.received_bytes, second.blob.size());
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(ResumeTest, ABlobThatCameWholeButWasNotCommittedNeedsNoByte) {
  const support::Layer layer = DataLayer("a", 100'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {"example.com/a:1"});
  LeaveIngest(layer, layer.blob.str());
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  ASSERT_EQ(result.need.blobs_size(), 2);
  EXPECT_EQ(result.need.blobs(1).offset(), layer.blob.size());
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(ResumeTest, LeftoversThatCannotBeContinuedAreDropped) {
  const support::Layer layer = DataLayer("a", 1000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {"example.com/a:1"});
  LeaveIngest(layer, std::string(5000, 'x'));
  const LoadResult result = Load(agent(), images);
  ASSERT_OK(result.status);
  EXPECT_EQ(result.need.blobs(1).offset(), 0U);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(ResumeTest, APullOfTheSameLayerIsWaitedFor) {
  const support::Layer layer = DataLayer("a", 100'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {"example.com/a:1"});
  LoadClient client(agent(), &images);
  ASSERT_TRUE(client.Begin());
  std::unique_ptr<BlobWriter> pull = BeginWrite(layer, layer.blob.str());
  std::thread end_of_pull([&] {
    absl::SleepFor(absl::Milliseconds(500));
    EXPECT_OK(pull->Commit());
  });
  EXPECT_TRUE(client.SendAll() && client.AwaitStaged());
  end_of_pull.join();
  ASSERT_OK(client.Finish(v1::Finish::PUBLISH).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

// As containerd's collector does to what nothing held when we first looked.
TEST_P(ResumeTest, ASnapshotThatGoesAwayInMidLoadIsMadeByTheNext) {
  const support::Layer base = DataLayer("a", 1000, 1);
  ImageSet old_images;
  old_images.Add(MakeImage({}, {base}), {"example.com/a:1"});
  ASSERT_OK(Load(agent(), old_images).status);
  ImageSet images;
  images.Add(MakeImage({}, {base, DataLayer("b", 1000, 2)}), {"example.com/a:2"});
  {
    LoadClient client(agent(), &images);
    ASSERT_TRUE(client.Begin());
    ASSERT_OK(containerd().Ctr({"snapshots", "rm", base.diff_id.str()}).status());
    client.SendAll();
    EXPECT_FALSE(client.AwaitStaged());
    EXPECT_EQ(client.End().status.code(), absl::StatusCode::kAborted);  // "load again"
  }
  ASSERT_OK(Load(agent(), images).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(ResumeTest, WhatContainerdTakesItsTimeForIsNoSilenceOfTheCoordinator) {
  InProcessAgent agent(containerd().socket(), {.idle = absl::Milliseconds(700)});
  const support::Layer layer = DataLayer("a", 100'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {layer, DataLayer("b", 1000, 2)}), {"example.com/a:1"});
  LoadClient client(agent.stub(), &images);
  ASSERT_TRUE(client.Begin());
  std::unique_ptr<BlobWriter> pull = BeginWrite(layer, layer.blob.str());
  std::thread end_of_pull([&] {
    absl::SleepFor(absl::Seconds(2));
    EXPECT_OK(pull->Commit());
  });
  EXPECT_TRUE(client.SendAll() && client.AwaitStaged());
  end_of_pull.join();
  EXPECT_OK(client.Finish(v1::Finish::PUBLISH).status);
}

TEST_P(ResumeTest, ACoordinatorThatFallsSilentIsNotWaitedForForever) {
  InProcessAgent agent(containerd().socket(), {.idle = absl::Milliseconds(300)});
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 100'000, 1)}), {"example.com/a:1"});
  LoadClient client(agent.stub(), &images);
  ASSERT_TRUE(client.Begin());
  const LoadResult result = client.End();
  EXPECT_EQ(result.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("the coordinator sent nothing for"));
}

TEST_P(ResumeTest, AnAgentIsHeardOfAlsoWhenNothingChanges) {
  InProcessAgent agent(containerd().socket(), {.heartbeat = absl::Milliseconds(50)});
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
  LoadClient client(agent.stub(), &images);
  ASSERT_TRUE(client.Begin());
  const auto is_progress = [](const v1::LoadReply& reply) { return reply.has_progress(); };
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.ReadUntil(is_progress));
  ASSERT_TRUE(client.SendAll() && client.AwaitStaged());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.ReadUntil(is_progress));
  const LoadResult result = client.Finish(v1::Finish::PUBLISH);
  EXPECT_OK(result.status);
  EXPECT_EQ(result.progress.back().layers_unpacked(), 1U);
}

TEST_P(ResumeTest, ARunningWriteIsNotDroppedForBeingTooLarge) {
  const support::Layer layer = DataLayer("a", 1000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {"example.com/a:1"});
  std::unique_ptr<BlobWriter> writer = BeginWrite(layer, std::string(5000, 'x'));
  AwaitOffset(layer, 5000);
  std::thread load([&] { EXPECT_OK(Load(agent(), images).status); });
  absl::SleepFor(absl::Seconds(1));
  AwaitOffset(layer, 5000);
  writer = nullptr;
  load.join();
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(ResumeTest, AbandonLeavesAPullThatTookUpOurWrite) {
  const support::Layer layer = DataLayer("a", 5'000'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {"example.com/a:1"});
  {
    LoadClient broken(agent(), &images);
    ASSERT_TRUE(broken.Begin());
    ASSERT_TRUE(broken.SendBytes(3'000'000));
  }
  ASSERT_OK(containerd().Ctr({"leases", "create", "--id", "pull"}).status());
  const BlobTarget target{BlobKind::kLayer, {"", layer.digest, layer.blob.size()}, {}, "test"};
  auto pull = BlobWriter::Open(Containerd(containerd().socket()).Scoped({"pull", nullptr}), target);
  ASSERT_OK(pull.status());
  EXPECT_GT((*pull)->offset(), 0U);

  ASSERT_OK(Load(agent(), ImageSet(), v1::Finish::ABANDON).status);
  EXPECT_OK((*pull)->Write(layer.blob.str().substr((*pull)->offset())));
  EXPECT_OK((*pull)->Commit());
  EXPECT_THAT(List().content, Contains(layer.digest.str()));
}

TEST_P(ResumeTest, ASecondLoadIsRefusedWhileTheFirstRuns) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
  LoadClient first(agent(), &images);
  ASSERT_TRUE(first.Begin());

  const LoadResult second = Load(agent(), images);
  EXPECT_EQ(second.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status.message()), HasSubstr("test-host (run run-1) since 20"));

  // Another process on the same node, such as `lighter load --local`.
  InProcessAgent other(containerd().socket());
  const LoadResult third = Load(other.stub(), images);
  EXPECT_EQ(third.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(third.status.message()), HasSubstr("another lighter program"));

  ASSERT_TRUE(first.SendAll() && first.AwaitStaged());
  ASSERT_OK(first.Finish(v1::Finish::PUBLISH).status);
  EXPECT_OK(Load(other.stub(), images).status);
}

TEST_P(ResumeTest, ADeadPredecessorDoesNotBlock) {
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 5'000'000, 1)}), {"example.com/a:1"});
  for (int i = 0; i < 5; ++i) {
    LoadClient dying(agent(), &images);
    ASSERT_TRUE(dying.Begin());
    ASSERT_TRUE(dying.SendBytes(1'000'000));
  }
  ASSERT_OK(Load(agent(), images).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(ResumeTest, AbandonWithoutImagesDropsWhatABrokenLoadLeft) {
  const NodeListing before = List();
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 5'000'000, 1)}), {"example.com/a:1"});
  {
    LoadClient broken(agent(), &images);
    ASSERT_TRUE(broken.Begin());
    ASSERT_TRUE(broken.SendBytes(3'000'000));
  }
  EXPECT_NE(List(), before);
  ASSERT_OK(Load(agent(), ImageSet(), v1::Finish::ABANDON).status);
  EXPECT_EQ(List(), before);
}

}  // namespace
}  // namespace lighter::testing
