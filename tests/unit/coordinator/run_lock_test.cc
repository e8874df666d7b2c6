// The run lock: the decision about somebody else's Lease, and two runs that meet at one store.
#include "coordinator/lock/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// As the API server keeps them: every write is another version, only the last can be replaced.
class FakeStore : public LeaseStore {
 public:
  absl::StatusOr<std::vector<RunLease>> List(const std::string& ns) override {
    const std::lock_guard lock(mutex_);
    ++looks;
    RETURN_IF_ERROR(denied);
    RETURN_IF_ERROR(hidden);
    std::vector<RunLease> found;
    for (const auto& [name, lease] : leases) {
      if (lease.ns == ns) found.push_back(lease);
    }
    return found;
  }

  absl::StatusOr<std::string> Write(const RunLease& lease) override {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(denied);
    const auto it = leases.find(lease.name);
    const std::string there = it == leases.end() ? "" : it->second.resource_version;
    if (lease.resource_version != there) return absl::AbortedError("(Conflict)");
    RunLease& written = leases[lease.name] = lease;
    return written.resource_version = absl::StrCat(++version_);
  }

  absl::Status Delete(const RunLease& lease) override {
    const std::lock_guard lock(mutex_);
    const auto it = leases.find(lease.name);
    if (it == leases.end() || it->second.resource_version != lease.resource_version) {
      return absl::AbortedError("(Conflict)");
    }
    leases.erase(it);
    return absl::OkStatus();
  }

  // What another run leaves or does.
  void Put(RunLease lease) {
    const std::lock_guard lock(mutex_);
    lease.resource_version = absl::StrCat(++version_);
    leases[lease.name] = lease;
  }

  std::map<std::string, RunLease> leases;
  absl::Status denied;
  absl::Status hidden;  // to look alone
  int looks = 0;

 private:
  std::mutex mutex_;
  int version_ = 0;
};

RunLease Others(const LockKey& key, const std::string& renewed = "2026-01-01T00:00:00.000000Z") {
  return {.name = key.lease,
          .ns = key.ns,
          .holder = "bob@host2, run 7",
          .command = "lighter upgrade",
          .process = "elsewhere pid:[1] 4 5",
          .acquired = "2026-01-01T00:00:00.000000Z",
          .renewed = renewed,
          .duration = absl::Milliseconds(200)};
}

const LockKey kWeb = LockOfRelease("lighter-system", "harbor", "web");
const LockKey kDb = LockOfRelease("lighter-system", "harbor", "db");
const LockKey kPrune = LockOfPrune("lighter-system");

class RunLockTest : public ::testing::Test {
 protected:
  RunLockOptions Options(const std::string& holder = "ann@host1, run 1") {
    return {.holder = holder,
            .command = "lighter load",
            .process = "here pid:[1] 2 3",
            .say = [this](const std::string& line) { said_.push_back(line); },
            .between_looks = absl::Milliseconds(5),
            .between_renewals = absl::Milliseconds(20)};
  }

  FakeStore store_;
  std::vector<std::string> said_;
};

TEST(LeaseWatchTest, OnlyTheOwnClockIsTrusted) {
  RunLease lease = Others(kWeb);
  lease.duration = absl::Seconds(60);
  LeaseWatch watch;
  const absl::Duration start = absl::Hours(5);  // whatever the Lease says of time
  EXPECT_EQ(watch.See(lease, Liveness::kUnknown, start), LeaseState::kUnclear);
  EXPECT_EQ(watch.free_at(), start + absl::Seconds(60));
  EXPECT_EQ(watch.See(lease, Liveness::kUnknown, start + absl::Seconds(59)), LeaseState::kUnclear);
  EXPECT_EQ(watch.See(lease, Liveness::kUnknown, start + absl::Seconds(60)), LeaseState::kFree);
}

TEST(LeaseWatchTest, OneThatIsRenewedIsHeld) {
  LeaseWatch watch;
  EXPECT_EQ(watch.See(Others(kWeb, "then"), Liveness::kUnknown, {}), LeaseState::kUnclear);
  EXPECT_EQ(watch.See(Others(kWeb, "now"), Liveness::kUnknown, absl::Seconds(1)),
            LeaseState::kHeld);
}

TEST(LeaseWatchTest, AProcessOfThisMachineIsKnown) {
  EXPECT_EQ(LeaseWatch().See(Others(kWeb), Liveness::kAlive, {}), LeaseState::kHeld);
  EXPECT_EQ(LeaseWatch().See(Others(kWeb), Liveness::kDead, {}), LeaseState::kFree);
  RunLease free = Others(kWeb);
  free.holder.clear();
  EXPECT_EQ(LeaseWatch().See(free, Liveness::kUnknown, {}), LeaseState::kFree);
}

TEST(ProcessIdentityTest, ADeadProcessIsToldFromALivingOne) {
  EXPECT_EQ(LivenessOf(ProcessIdentity()), Liveness::kAlive);
  support::TempDir dir;
  const std::string path = dir.File("identity");
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream(path) << ProcessIdentity();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  std::string identity;
  std::getline(std::ifstream(path), identity);
  EXPECT_EQ(LivenessOf(identity), Liveness::kDead) << identity;
  // Another's pid, of another time.
  EXPECT_EQ(LivenessOf(ProcessIdentity() + "0"), Liveness::kDead);
  EXPECT_EQ(LivenessOf("other " + ProcessIdentity().substr(ProcessIdentity().find(' ') + 1)),
            Liveness::kUnknown);
  EXPECT_EQ(LivenessOf(""), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf("a b -1 c"), Liveness::kUnknown);
}

TEST_F(RunLockTest, IsTakenRenewedAndGivenBack) {
  {
    RunLock lock(store_, Options());
    ASSERT_TRUE(lock.Take({kWeb, kDb}).ok());
    ASSERT_THAT(store_.leases, SizeIs(2));
    EXPECT_EQ(store_.leases[kWeb.lease].holder, "ann@host1, run 1");
    const std::string first = store_.leases[kWeb.lease].resource_version;
    EXPECT_TRUE(lock.CheckHeld().ok());
    EXPECT_NE(store_.leases[kWeb.lease].resource_version, first);
    EXPECT_TRUE(lock.Take({kWeb}).ok()) << "it is taken already";
  }
  EXPECT_THAT(store_.leases, IsEmpty());
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(RunLockTest, ASecondRunIsRefusedAndKeepsNothing) {
  RunLock first(store_, Options());
  ASSERT_TRUE(first.Take({kWeb}).ok());
  RunLock second(store_, Options("bob@host2, run 2"));
  const absl::Status status = second.Take({kDb, kWeb});
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  for (const char* word : {"E-LOCK-HELD", "release web (namespace harbor)", "ann@host1, run 1",
                           "`lighter load`", "since 20"}) {
    EXPECT_THAT(Message(status), HasSubstr(word));
  }
  EXPECT_THAT(said_, ElementsAre(HasSubstr("another run has the lock")));
  EXPECT_THAT(store_.leases, SizeIs(1)) << "that of db was given back";
}

TEST_F(RunLockTest, ADeadRunsLockIsTakenOver) {
  store_.Put(Others(kWeb));
  RunLock lock(store_, Options());
  ASSERT_TRUE(lock.Take({kWeb}).ok());
  EXPECT_GT(store_.looks, 2) << "it is watched first";
  EXPECT_THAT(said_, ElementsAre(HasSubstr("nothing is heard of it until"), HasSubstr("is dead")));
  EXPECT_EQ(store_.leases[kWeb.lease].holder, "ann@host1, run 1");
}

TEST_F(RunLockTest, ALockThatAnotherTookIsLost) {
  RunLock lock(store_, Options());
  ASSERT_TRUE(lock.Take({kWeb}).ok());
  store_.Put(Others(kWeb));
  const absl::Status lost = lock.CheckHeld();
  EXPECT_THAT(Message(lost), HasSubstr("E-LOCK-LOST"));
  EXPECT_THAT(Message(lost), HasSubstr("bob@host2"));
}

TEST_F(RunLockTest, WhatAnotherTookIsNotGivenBack) {
  {
    RunLock lock(store_, Options());
    ASSERT_TRUE(lock.Take({kWeb}).ok());
    store_.Put(Others(kWeb));
  }
  EXPECT_EQ(store_.leases[kWeb.lease].holder, "bob@host2, run 7");
}

TEST_F(RunLockTest, AWriteWhoseAnswerWasLostIsStillOurs) {
  RunLock lock(store_, Options());
  ASSERT_TRUE(lock.Take({kWeb}).ok());
  store_.Put(store_.leases[kWeb.lease]);
  EXPECT_TRUE(lock.CheckHeld().ok());
}

TEST_F(RunLockTest, WithoutTheRightItIsSaidAndGoesOn) {
  store_.denied = absl::PermissionDeniedError("leases is forbidden");
  RunLock lock(store_, Options());
  ASSERT_TRUE(lock.Take({kWeb}).ok());
  EXPECT_TRUE(lock.CheckHeld().ok());
  EXPECT_THAT(said_, ElementsAre(HasSubstr("N-LOCK-NONE")));
}

TEST_F(RunLockTest, WhoMayWriteAndNotLookGoesOnWithoutIt) {
  store_.hidden = absl::PermissionDeniedError("leases is forbidden");
  store_.Put(Others(kWeb));
  RunLock lock(store_, Options());
  ASSERT_TRUE(lock.Take({kWeb, kPrune}).ok());
  EXPECT_THAT(said_, ElementsAre(HasSubstr("N-LOCK-NONE"), HasSubstr("N-LOCK-NONE")));
  EXPECT_THAT(store_.leases, SizeIs(1));
}

TEST_F(RunLockTest, AnApiThatDoesNotAnswerIsAnError) {
  store_.denied = absl::UnavailableError("no route");
  RunLock lock(store_, Options());
  EXPECT_TRUE(absl::IsUnavailable(lock.Take({kWeb})));
}

TEST_F(RunLockTest, PruneAndOtherRunsExcludeEachOther) {
  RunLock prune(store_, Options("ann@host1, run prune"));
  {
    RunLock load(store_, Options("bob@host2, run load"));
    ASSERT_TRUE(load.Take({kWeb}).ok());
    EXPECT_THAT(Message(prune.Take({kPrune})), HasSubstr("bob@host2, run load"));
  }
  ASSERT_TRUE(prune.Take({kPrune}).ok());
  RunLock load(store_, Options("bob@host2, run load"));
  EXPECT_THAT(Message(load.Take({kWeb})), HasSubstr("ann@host1, run prune"));
  EXPECT_THAT(store_.leases, SizeIs(1));
}

TEST(LeaseTest, IsReadAsItWasWritten) {
  RunLease lease = Others(kWeb);
  lease.duration = kLeaseDuration;
  lease.resource_version = "12";
  const nlohmann::json list = {{"items", {LeaseToJson(lease)}}};
  const absl::StatusOr<std::vector<RunLease>> read = ParseLeases(list.dump());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_THAT(*read, SizeIs(1));
  EXPECT_EQ(LeaseToJson(read->front()), LeaseToJson(lease));
  EXPECT_EQ(read->front().Describe(),
            "bob@host2, run 7, `lighter upgrade`, since 2026-01-01T00:00:00Z (Lease "
            "lighter-system/lighter-run.harbor.web)");
}

TEST(LeaseTest, WhatItSaysIsBounded) {
  const auto duration = [](const char* spec) {
    return ParseLeases(absl::StrCat(R"({"items":[{"spec":)", spec, "}]}"))->front().duration;
  };
  EXPECT_EQ(duration(R"({"leaseDurationSeconds": 1000000000})"), absl::Minutes(5));
  EXPECT_EQ(duration(R"({"leaseDurationSeconds": -1})"), absl::Seconds(1));
  EXPECT_EQ(duration(R"({"leaseDurationSeconds": "x"})"), kLeaseDuration);
  EXPECT_FALSE(ParseLeases("none").ok());
}

TEST(LockKeyTest, NamesAreThoseOfObjects) {
  EXPECT_EQ(LockOfRelease("", "harbor", "web").ns, "harbor");
  EXPECT_EQ(LockOfChart("lighter-system", "My_Chart.").lease, "lighter-load.xmy-chart-x");
  EXPECT_LE(LockOfChart("lighter-system", std::string(250, 'a')).lease.size(), 253u);
}

}  // namespace
}  // namespace lighter
