#include "coordinator/transfer/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/time/clock.h"
#include "common/digest.h"
#include "common/limits.h"
#include "common/status.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/coordinator/fake_agent.h"

namespace lighter {
namespace {

using test::FakeAgent;
using ::testing::HasSubstr;

// A package file of a few blobs, and the work that loads them as one image.
class LoadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::mt19937 random(7);
    std::ofstream out(path_, std::ios::binary);
    for (const uint64_t size : {uint64_t{300}, 3 * kChunkBytes + 17, kChunkBytes, 2 * kMiB}) {
      std::string blob(size, '\0');
      for (char& c : blob) c = static_cast<char>(random());
      out << "filling between blobs";
      AddBlob(blob, static_cast<uint64_t>(out.tellp()));
      out << blob;
    }
    out.close();
    OpenSource();
  }

  void OpenSource() {
    absl::StatusOr<ReadableFile> file = ReadableFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    const auto shared = std::make_shared<const ReadableFile>(std::move(*file));
    for (auto& [digest, blob] : work_.blobs) blob.file = shared;
  }

  void AddBlob(const std::string& blob, uint64_t offset) {
    if (work_.images.empty()) work_.images.emplace_back().add_names("example.com/a/b:1");
    v1::Image& image = work_.images[0];
    v1::Blob& proto =
        image.has_config() ? *image.add_layers()->mutable_blob() : *image.mutable_config();
    proto.set_digest(Digest::Of(blob).str());
    proto.set_size(blob.size());
    contents_[proto.digest()] = blob;
    work_.blobs[proto.digest()] = {
        .file = nullptr, .offset = offset, .size = blob.size(), .entry = "entry"};
    total_ += blob.size();
  }

  // Flips a byte of the largest blob, keeping the file's mtime as a bad disk would.
  void DamagePackage() {
    const auto mtime = std::filesystem::last_write_time(path_);
    const BlobLocation* largest = nullptr;
    for (const auto& [digest, blob] : work_.blobs) {
      if (largest == nullptr || blob.size > largest->size) largest = &blob;
    }
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(largest->offset + 1000));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(largest->offset + 1000));
    file.put(static_cast<char>(byte ^ 0x40));
    file.close();
    std::filesystem::last_write_time(path_, mtime);
    OpenSource();
  }

  LoadOutcome Run(const std::vector<NodeEndpoint>& nodes) {
    std::vector<std::string> names;
    for (const NodeEndpoint& node : nodes) names.push_back(node.name);
    board_ = std::make_unique<ProgressBoard>(names);
    return RunLoad(work_, nodes, *board_, verdict_, patience_);
  }

  support::TempDir dir_;
  std::string path_ = dir_.File("package.tar");
  LoadWork work_;
  std::map<std::string, std::string> contents_;  // by digest
  uint64_t total_ = 0;
  std::unique_ptr<ProgressBoard> board_;
  PackageVerdict verdict_ = [] { return absl::OkStatus(); };
  LoadPatience patience_;
};

TEST_F(LoadTest, EveryNodeGetsTheVeryBytes) {
  FakeAgent one;
  FakeAgent two;
  const LoadOutcome outcome = Run({one.Endpoint("one"), two.Endpoint("two")});
  EXPECT_TRUE(outcome.AllProven());
  EXPECT_EQ(one.Blobs(), contents_);
  EXPECT_EQ(two.Blobs(), contents_);
  EXPECT_EQ(outcome.nodes[0].moved_bytes, total_);
  ASSERT_EQ(outcome.nodes[1].proofs.size(), 1u);
  EXPECT_EQ(outcome.nodes[1].proofs[0].name(), "example.com/a/b:1");
  EXPECT_EQ(board_->Snapshot()[0].phase, NodePhase::kProven);
}

TEST_F(LoadTest, NoNameBeforeEveryNodeIsStaged) {
  FakeAgent fast;
  FakeAgent slow;
  int published_when_slow_staged = -1;
  slow.on_staged = [&] {
    absl::SleepFor(absl::Milliseconds(300));
    published_when_slow_staged = fast.published();
  };
  EXPECT_TRUE(Run({fast.Endpoint("fast"), slow.Endpoint("slow")}).AllProven());
  EXPECT_EQ(published_when_slow_staged, 0);
  EXPECT_EQ(fast.published(), 1);
}

TEST_F(LoadTest, NoNameBeforeTheVerdictOnThePackage) {
  FakeAgent agent;
  std::atomic<bool> staged = false;
  agent.on_staged = [&] { staged = true; };
  absl::Time staged_at = absl::InfiniteFuture();
  int published_before = -1;
  verdict_ = [&]() -> std::optional<absl::Status> {
    if (staged && staged_at == absl::InfiniteFuture()) staged_at = absl::Now();
    if (absl::Now() - staged_at < absl::Milliseconds(300)) return std::nullopt;
    published_before = agent.published();
    return absl::OkStatus();
  };
  EXPECT_TRUE(Run({agent.Endpoint("one")}).AllProven());
  EXPECT_EQ(published_before, 0);
  EXPECT_EQ(agent.published(), 1);
}

TEST_F(LoadTest, APackageThatIsNotWhatItsChecksumSaysLeavesEveryNodeAsItWas) {
  FakeAgent one;
  FakeAgent two;
  std::atomic<int> staged = 0;
  for (FakeAgent* agent : {&one, &two}) agent->on_staged = [&] { ++staged; };
  verdict_ = [&]() -> std::optional<absl::Status> {
    if (staged < 2) return std::nullopt;
    return absl::DataLossError("p.tar: its SHA-512 is another");
  };
  const LoadOutcome outcome = Run({one.Endpoint("one"), two.Endpoint("two")});
  EXPECT_EQ(Message(outcome.package), "p.tar: its SHA-512 is another");
  for (const FakeAgent* agent : {&one, &two}) {
    EXPECT_EQ(agent->published(), 0);
    EXPECT_GE(agent->abandoned(), 1);
    EXPECT_TRUE(agent->Blobs().empty());
  }
}

TEST_F(LoadTest, NodesThatAllFailWaitForNoVerdict) {
  FakeAgent agent;
  agent.refuse = {grpc::StatusCode::RESOURCE_EXHAUSTED, "no space left"};
  verdict_ = [] { return std::nullopt; };
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_TRUE(outcome.package.ok()) << outcome.package;
  EXPECT_THAT(Message(outcome.nodes[0].status), HasSubstr("no space left"));
}

TEST_F(LoadTest, BrokenStreamContinuesWhereItStopped) {
  FakeAgent agent;
  agent.break_after_bytes = 2 * kMiB;
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_TRUE(outcome.AllProven()) << outcome.nodes[0].status;
  EXPECT_EQ(agent.Blobs(), contents_);
  // What the agent had acknowledged by keeping it did not move twice.
  EXPECT_EQ(agent.received_bytes(), total_);
}

TEST_F(LoadTest, WhatAnEarlierRunLeftDamagedGoesAgain) {
  FakeAgent agent;
  agent.break_after_bytes = kMiB / 2;  // in the middle of a blob
  agent.spoil_kept = true;
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_TRUE(outcome.AllProven()) << outcome.nodes[0].status << outcome.package;
  EXPECT_EQ(agent.Blobs(), contents_);
}

TEST_F(LoadTest, AnAttemptThatBringsTheNodeFurtherEarnsItMoreTime) {
  FakeAgent agent;
  agent.break_every_bytes = kMiB;
  patience_.between_attempts = absl::Milliseconds(200);
  patience_.to_return = absl::Milliseconds(300);
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_TRUE(outcome.AllProven()) << outcome.nodes[0].status;
  EXPECT_EQ(agent.received_bytes(), total_);
}

TEST_F(LoadTest, AFailureThatRepeatsItselfEnds) {
  FakeAgent agent;
  std::atomic<int> attempts = 0;
  agent.on_publish = [&] {
    ++attempts;
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "it is not proven");
  };
  patience_.between_attempts = absl::Milliseconds(10);
  patience_.to_return = absl::Milliseconds(300);
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_EQ(Message(outcome.nodes[0].status), "it is not proven");
  EXPECT_GT(attempts, 1);
}

TEST_F(LoadTest, EvenANodeThatGetsOnIsGivenUpSomeDay) {
  FakeAgent agent;
  agent.break_every_bytes = kMiB;
  patience_.between_attempts = absl::Milliseconds(10);
  patience_.attempts = 3;
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_EQ(Message(outcome.nodes[0].status), "given up after 3 attempts: the agent was killed");
}

TEST_F(LoadTest, ANodeThatHangsIsGivenUpAndSaysWhy) {
  FakeAgent agent;
  agent.on_staged = [] { absl::SleepFor(absl::Seconds(1)); };
  patience_.silence = absl::Milliseconds(200);
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_EQ(outcome.nodes[0].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(outcome.nodes[0].status), HasSubstr("nothing was heard from this node"));
}

TEST_F(LoadTest, EveryReplyIsASignOfLife) {
  FakeAgent agent;
  for (int i = 2; i < 12; ++i) work_.images[0].add_names("example.com/a/b:" + std::to_string(i));
  agent.proof_pause = absl::Milliseconds(100);
  patience_.silence = absl::Milliseconds(600);
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_TRUE(outcome.AllProven()) << outcome.nodes[0].status;
}

TEST_F(LoadTest, ANodeThatWaitsForOthersMayBeSilent) {
  FakeAgent fast;
  FakeAgent slow;
  slow.break_every_bytes = kMiB;
  patience_.between_attempts = absl::Milliseconds(200);
  patience_.silence = absl::Milliseconds(400);
  EXPECT_TRUE(Run({fast.Endpoint("fast"), slow.Endpoint("slow")}).AllProven());
}

TEST_F(LoadTest, ANodeThatStagesLongAfterTheLastByteIsWaitedFor) {
  FakeAgent agent;
  agent.on_staged = [] { absl::SleepFor(absl::Seconds(2)); };
  EXPECT_TRUE(Run({agent.Endpoint("one")}).AllProven());
}

TEST_F(LoadTest, AnAgentThatProvesNothingIsNotBelieved) {
  FakeAgent agent;
  agent.forget_proofs = true;
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_FALSE(outcome.AllProven());
  EXPECT_THAT(Message(outcome.nodes[0].status), HasSubstr("gave no proof that example.com/a/b:1"));
}

TEST_F(LoadTest, AnAgentThatEndsWellBeforeItsTurnIsNotBelieved) {
  FakeAgent hasty;
  hasty.done_early = true;
  FakeAgent slow;
  slow.on_staged = [] { absl::SleepFor(absl::Milliseconds(500)); };
  const LoadOutcome outcome = Run({hasty.Endpoint("hasty"), slow.Endpoint("slow")});
  EXPECT_EQ(outcome.nodes[0].status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(outcome.nodes[0].status), HasSubstr("before it was finished"));
  EXPECT_TRUE(outcome.nodes[1].status.ok()) << outcome.nodes[1].status;
}

TEST_F(LoadTest, OneNodeThatRefusesDoesNotHoldTheOthers) {
  FakeAgent good;
  FakeAgent bad;
  bad.refuse = {grpc::StatusCode::RESOURCE_EXHAUSTED, "no space left"};
  const LoadOutcome outcome = Run({good.Endpoint("good"), bad.Endpoint("bad")});
  EXPECT_FALSE(outcome.AllProven());
  EXPECT_TRUE(outcome.package.ok()) << outcome.package;
  EXPECT_TRUE(outcome.nodes[0].status.ok());
  EXPECT_THAT(Message(outcome.nodes[1].status), HasSubstr("no space left"));
  EXPECT_EQ(good.published(), 1);
}

TEST_F(LoadTest, DamagedPackageLeavesEveryNodeAsItWas) {
  FakeAgent one;
  FakeAgent two;
  DamagePackage();
  const LoadOutcome outcome = Run({one.Endpoint("one"), two.Endpoint("two")});
  EXPECT_TRUE(absl::IsDataLoss(outcome.package)) << outcome.package;
  EXPECT_THAT(Message(outcome.package), HasSubstr(path_));
  EXPECT_THAT(Message(outcome.package), HasSubstr("entry at byte"));
  EXPECT_TRUE(outcome.nodes[0].put_back.ok()) << outcome.nodes[0].put_back;
  for (const FakeAgent* agent : {&one, &two}) {
    EXPECT_EQ(agent->published(), 0);
    EXPECT_GE(agent->abandoned(), 1);
    EXPECT_TRUE(agent->Blobs().empty());
  }
}

TEST_F(LoadTest, ANodeThatDamagesWhatItGetsDoesNotCondemnThePackage) {
  FakeAgent good;
  FakeAgent bad;
  bad.stage_failure = {grpc::StatusCode::DATA_LOSS, "these are not the bytes"};
  const LoadOutcome outcome = Run({good.Endpoint("good"), bad.Endpoint("bad")});
  EXPECT_TRUE(outcome.package.ok()) << outcome.package;
  EXPECT_TRUE(outcome.nodes[0].status.ok()) << outcome.nodes[0].status;
  EXPECT_THAT(Message(outcome.nodes[1].status), HasSubstr("the package is sound, but"));
}

TEST_F(LoadTest, APackageThatContradictsItselfLeavesEveryNodeAsItWas) {
  FakeAgent one;
  FakeAgent two;
  two.stage_failure = {grpc::StatusCode::INVALID_ARGUMENT, "the layer unpacks to something else"};
  const LoadOutcome outcome = Run({one.Endpoint("one"), two.Endpoint("two")});
  EXPECT_EQ(Message(outcome.package),
            "the package contradicts itself: the layer unpacks to something else");
  EXPECT_EQ(one.published(), 0);
  EXPECT_TRUE(one.Blobs().empty());
}

TEST_F(LoadTest, PackageChangedMeanwhileIsNotPublished) {
  FakeAgent agent;
  agent.on_staged = [&] { std::ofstream(path_, std::ios::app) << "more"; };
  const LoadOutcome outcome = Run({agent.Endpoint("one")});
  EXPECT_THAT(Message(outcome.package), HasSubstr("changed while it was being read"));
  EXPECT_EQ(agent.published(), 0);
  EXPECT_TRUE(agent.Blobs().empty());
}

TEST_F(LoadTest, DamageThatComesOutAfterNamingConcernsOnlyItsNode) {
  FakeAgent good;
  FakeAgent bad;
  bad.on_publish = [&]() -> grpc::Status {
    while (good.published() == 0) absl::SleepFor(absl::Milliseconds(10));
    std::ofstream(path_, std::ios::app) << "more";
    return {grpc::StatusCode::UNAVAILABLE, "the agent was killed"};
  };
  patience_.between_attempts = absl::Milliseconds(10);
  const LoadOutcome outcome = Run({good.Endpoint("good"), bad.Endpoint("bad")});
  EXPECT_TRUE(outcome.package.ok()) << outcome.package;
  EXPECT_TRUE(outcome.nodes[0].status.ok()) << outcome.nodes[0].status;
  EXPECT_THAT(Message(outcome.nodes[1].status), HasSubstr("changed while it was being read"));
  EXPECT_EQ(good.abandoned(), 0);
}

}  // namespace
}  // namespace lighter
