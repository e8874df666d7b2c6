#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "coordinator/run/helm_step.h"
#include "coordinator/run/rollback_report.h"

namespace lighter {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const Release kRelease = {
    .name = "web", .ns = "harbor", .chart = "web-0.3.0", .status = "deployed", .revision = 5};

std::vector<HistoryEntry> History(const std::vector<std::string>& states) {
  std::vector<HistoryEntry> history;
  for (size_t i = 0; i < states.size(); ++i) {
    history.push_back({.revision = static_cast<int>(i) + 1, .status = states[i], .chart = "web-1"});
  }
  return history;
}

TEST(ChooseRevisionTest, TheLastThatRanBeforeTheCurrent) {
  const auto chosen = ChooseRevision(
      History({"superseded", "superseded", "failed", "pending-upgrade", "deployed"}), kRelease, 0);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->revision, 2);
}

// A rollback that fails leaves the revision that it left as superseded.
TEST(ChooseRevisionTest, NotOneThatIsSupersededAndHadFailed) {
  std::vector<HistoryEntry> history = History({"superseded", "superseded", "superseded", "failed"});
  history[1].description = "for ticket 42";
  history[2].description = "Upgrade \"web\" failed: cannot patch";
  const auto chosen = ChooseRevision(history, kRelease, 0);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->revision, 2);
}

TEST(ChooseRevisionTest, OfAReleaseThatAKilledHelmLeftPendingTheOneThatIsDeployed) {
  const auto chosen = ChooseRevision(
      History({"superseded", "superseded", "superseded", "deployed", "pending-upgrade"}), kRelease,
      0);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->revision, 4);
}

TEST(ChooseRevisionTest, AnyThatHelmStillHasWhenItIsNamed) {
  const std::vector<HistoryEntry> history = History({"failed", "deployed"});
  ASSERT_TRUE(ChooseRevision(history, kRelease, 1).ok());
  const absl::Status unknown = ChooseRevision(history, kRelease, 7).status();
  EXPECT_THAT(Message(unknown), HasSubstr("no revision 7; Helm still has 1, 2"));
}

TEST(ChooseRevisionTest, NothingToGoBackTo) {
  Release first = kRelease;
  first.revision = 1;
  const absl::Status none = ChooseRevision(History({"pending-install"}), first, 0).status();
  EXPECT_THAT(Message(none),
              AllOf(HasSubstr("nothing to go back to"), HasSubstr("helm uninstall web -n harbor")));
}

class RollbackReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(folder_.ok()) << folder_.status();
    plan_.release = kRelease;
    VerifiedRelease& target = plan_.verified.releases.emplace_back();
    target.release = kRelease;
    target.revision = {.revision = 4, .chart = "web", .version = "0.2.0", .manifests = ""};
    target.proof.names = {"r.io/a/web:2"};
    plan_.verified.nodes.nodes.emplace_back().name = "node1";
    report_.release.release = "web";
    report_.release.ns = "harbor";
    report_.release.from_version = "0.3.0";
    report_.release.to_version = "0.2.0";
    report_.release.from_revision = 5;
    report_.release.from_status = "deployed";
  }

  std::string Text() const { return DescribeRollback(plan_, report_, *folder_); }

  const absl::StatusOr<RunFolder> folder_ = RunFolder::Temporary();
  RollbackPlan plan_;
  RollbackReport report_;
};

TEST_F(RollbackReportTest, WhatIsNotProvenIsToldAfterTheStateOfProduction) {
  plan_.verified.releases[0].proof.problems.push_back({.code = "E-IMAGE-MISSING",
                                                       .name = "r.io/a/web:2",
                                                       .nodes = {"node1"},
                                                       .cause = "no image has this name",
                                                       .remedy = "load it",
                                                       .blocks = true});
  report_.blocked = absl::FailedPreconditionError("not proven");
  EXPECT_THAT(Text(), StartsWith("Helm was not run: no release was changed"));
  EXPECT_THAT(Text(), HasSubstr("revision 4, chart 0.2.0: 0 of 1 name proven on 1 node\n"));
  EXPECT_THAT(Text(), HasSubstr("  E-IMAGE-MISSING: r.io/a/web:2 on node1: no image"));
}

TEST_F(RollbackReportTest, DoneItShowsTheWayForwardAgain) {
  report_.release.state = ReleaseState::kRolledBack;
  report_.release.change = ReleaseChange::kChanged;
  ASSERT_TRUE(report_.Succeeded());
  EXPECT_THAT(Text(), HasSubstr("Release web (namespace harbor): 0.3.0 -> 0.2.0: rolled back\n"));
  EXPECT_THAT(Text(), HasSubstr("way back: lighter rollback web 5 -n harbor"));
  report_.release.from_status = "pending-upgrade";
  EXPECT_THAT(Text(), Not(HasSubstr("way back"))) << "it never ran";
}

TEST_F(RollbackReportTest, ANodeThatDidNotAnswerIsNotProven) {
  plan_.verified.nodes.nodes[0].status = absl::UnavailableError("its agent is away");
  EXPECT_FALSE(plan_.verified.proven());
  EXPECT_THAT(DescribeRollbackPlan(plan_), AllOf(HasSubstr("1 name proven on 0 of 1 node"),
                                                 HasSubstr("node1 could not be asked: its agent")));
}

}  // namespace
}  // namespace lighter
