// Whether a kubelet starts a pod from what is on its node.
#include "coordinator/plan/pod_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/plan/start_problems.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kDefault[] = "NeverVerifyPreloadedImages";

StartFacts Facts(v1::PullRecord record, const std::string& policy = kDefault) {
  StartFacts facts;
  facts.record = record;
  facts.kubelet.policy = policy;
  facts.policies = {PullPolicy::kIfNotPresent};
  facts.repository = "r.io/a/b";
  return facts;
}

TEST(PodStartTest, ByDefaultOnlyWhatKubeletNeverPulledStartsUnasked) {
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_NONE)), std::nullopt);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_OPEN)), std::nullopt);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_UNSPECIFIED)), std::nullopt);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_ELSEWHERE)), StartRisk::kPull);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_PULLING)), StartRisk::kIntent);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_WITH_SECRETS)), StartRisk::kSecrets);
}

TEST(PodStartTest, ThePolicyOfTheKubeletDecides) {
  for (const char* policy : {"", "NeverVerify"}) {
    EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_ELSEWHERE, policy)), std::nullopt) << policy;
  }
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_NONE, "AlwaysVerify")), StartRisk::kPull);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_UNSPECIFIED, "AlwaysVerify")), StartRisk::kPull);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_OPEN, "AlwaysVerify")), std::nullopt);
  StartFacts listed = Facts(v1::PULL_RECORD_ELSEWHERE, "NeverVerifyAllowlistedImages");
  EXPECT_EQ(FindStartRisk(listed), StartRisk::kPull);
  listed.kubelet.preloaded = {"r.io/a/*"};
  EXPECT_EQ(FindStartRisk(listed), std::nullopt);
}

TEST(PodStartTest, AllowListsAreRepositoriesOrFolders) {
  const auto listed = [](const char* entry) {
    return IsAllowlisted({.policy = "", .preloaded = {entry}}, "r.io/a/b");
  };
  EXPECT_TRUE(listed("r.io/a/b"));
  EXPECT_TRUE(listed("r.io/*"));
  EXPECT_FALSE(listed("r.io/a"));
  EXPECT_FALSE(listed("r.io/a/b*"));
  EXPECT_FALSE(listed("r.io/a/bc"));
}

TEST(PodStartTest, ARegistryThatAnswersHelpsAllButNever) {
  StartFacts facts = Facts(v1::PULL_RECORD_ELSEWHERE);
  facts.is_answered = true;
  EXPECT_EQ(FindStartRisk(facts), std::nullopt);
  facts.policies = {PullPolicy::kIfNotPresent, PullPolicy::kNever};
  EXPECT_EQ(FindStartRisk(facts), StartRisk::kNever);
}

TEST(PodStartTest, AlwaysNeedsOneThatAnswers) {
  StartFacts facts = Facts(v1::PULL_RECORD_NONE, "");
  facts.policies = {PullPolicy::kAlways};
  EXPECT_EQ(FindStartRisk(facts), StartRisk::kAlways);
  facts.record = v1::PULL_RECORD_OPEN;
  EXPECT_EQ(FindStartRisk(facts), StartRisk::kAlways);
  facts.is_answered = true;
  EXPECT_EQ(FindStartRisk(facts), std::nullopt);
}

TEST(KubeletPullsTest, AreReadFromItsConfiguration) {
  const KubeletPulls kubelet = ParseKubeletPulls(
      R"({"kubeletconfig":{"imagePullCredentialsVerificationPolicy":"NeverVerifyAllowlistedImages",)"
      R"("preloadedImagesVerificationAllowlist":["r.io/a", 7]}})");
  EXPECT_EQ(kubelet.policy, "NeverVerifyAllowlistedImages");
  EXPECT_THAT(kubelet.preloaded, ElementsAre("r.io/a"));
  EXPECT_EQ(ParseKubeletPulls("{").policy, "");
}

class StartProblemsTest : public ::testing::Test {
 protected:
  StartProblemsTest() {
    for (const char* name : {"node1", "node2"}) {
      NodePlan& node = nodes_.emplace_back();
      node.name = name;
      v1::NameState* const state = node.inventory.add_names();
      state->set_name(kName);
      state->set_pull_record(v1::PULL_RECORD_ELSEWHERE);
      kubelets_[name].policy = kDefault;
    }
    PlannedBundle& bundle = releases_.bundles.emplace_back();
    bundle.pulls[kName] = {PullPolicy::kIfNotPresent};
  }

  std::vector<StartProblem> Find(const std::vector<std::string>& allowed = {}) const {
    return FindStartProblems(nodes_, releases_, kubelets_, allowed);
  }

  static constexpr char kName[] = "r.io/a/b:1";
  std::vector<NodePlan> nodes_;
  ReleasePlan releases_;
  std::map<std::string, KubeletPulls> kubelets_;
};

TEST_F(StartProblemsTest, AreToldOnceANameWithAllNodesAndTheWayOut) {
  const std::vector<StartProblem> problems = Find();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].nodes, ElementsAre("node1", "node2"));
  const std::string text = DescribeStartProblem(problems[0]);
  EXPECT_THAT(text, HasSubstr("E-PULL-RECORD: r.io/a/b:1 on node1, node2: "));
  EXPECT_THAT(text, HasSubstr("--mirror r.io`"));
  EXPECT_THAT(text, HasSubstr("--allow-pull r.io/a/b:1"));
  EXPECT_THAT(Message(CheckPodsStart(problems)), HasSubstr(text));
}

TEST_F(StartProblemsTest, WhatIsAllowedOrCannotBeAskedIsLeftOut) {
  EXPECT_THAT(Find({kName}), IsEmpty());
  nodes_[0].status = absl::UnavailableError("away");
  kubelets_.erase("node2");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(StartProblemsTest, AMirrorAnswersWhereItWorks) {
  for (NodePlan& node : nodes_) {
    node.info.set_registry(kNodeRegistry);
    v1::Mirror* const mirror = node.info.add_mirrors();
    mirror->set_registry("r.io");
    mirror->set_tried(true);
  }
  EXPECT_THAT(Find(), IsEmpty());
  nodes_[0].info.mutable_mirrors(0)->set_problem("not lighter's");
  ASSERT_THAT(Find(), Not(IsEmpty()));
  EXPECT_THAT(Find()[0].nodes, ElementsAre("node1"));
  nodes_[0].info.mutable_mirrors(0)->clear_problem();
  nodes_[1].info.mutable_kept()->set_registry_problem("the port is taken");
  ASSERT_THAT(Find(), Not(IsEmpty()));
  EXPECT_THAT(Find()[0].nodes, ElementsAre("node2"));
}

TEST_F(StartProblemsTest, OnlyANoteDoesNotBlock) {
  for (NodePlan& node : nodes_) {
    node.inventory.mutable_names(0)->set_pull_record(v1::PULL_RECORD_WITH_SECRETS);
  }
  const std::vector<StartProblem> problems = Find();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(CheckPodsStart(problems), absl::OkStatus());
}

}  // namespace
}  // namespace lighter
