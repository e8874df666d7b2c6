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
  facts.kubelet = {.policy = policy, .preloaded = {}};
  facts.pods = {.policies = {PullPolicy::kIfNotPresent}, .spellings = {"r.io/a/b:1"}};
  facts.repository = "r.io/a/b";
  return facts;
}

TEST(PodStartTest, ByDefaultOnlyWhatKubeletNeverPulledStartsUnasked) {
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_NONE)), std::nullopt);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_OPEN)), std::nullopt);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_UNSPECIFIED)), StartRisk::kUnknown);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_ELSEWHERE)), StartRisk::kPull);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_PULLING)), StartRisk::kIntent);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_WITH_SECRETS)), StartRisk::kSecrets);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_BROKEN)), StartRisk::kBroken);
}

TEST(PodStartTest, AKubeletThatCannotBeAskedIsTakenForOneByDefault) {
  StartFacts facts = Facts(v1::PULL_RECORD_ELSEWHERE);
  facts.kubelet.reset();
  EXPECT_EQ(FindStartRisk(facts), StartRisk::kPull);
  facts.record = v1::PULL_RECORD_NONE;
  EXPECT_EQ(FindStartRisk(facts), StartRisk::kUnknown);
}

TEST(PodStartTest, ThePolicyOfTheKubeletDecides) {
  for (const char* policy : {"", "NeverVerify"}) {
    for (const auto record : {v1::PULL_RECORD_ELSEWHERE, v1::PULL_RECORD_UNSPECIFIED}) {
      EXPECT_EQ(FindStartRisk(Facts(record, policy)), std::nullopt) << policy;
    }
  }
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_BROKEN, "NeverVerify")), StartRisk::kBroken);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_BROKEN, "")), std::nullopt);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_NONE, "AlwaysVerify")), StartRisk::kPolicy);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_UNSPECIFIED, "AlwaysVerify")), StartRisk::kPolicy);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_ELSEWHERE, "AlwaysVerify")), StartRisk::kPull);
  EXPECT_EQ(FindStartRisk(Facts(v1::PULL_RECORD_OPEN, "AlwaysVerify")), std::nullopt);
  StartFacts listed = Facts(v1::PULL_RECORD_ELSEWHERE, "NeverVerifyAllowlistedImages");
  EXPECT_EQ(FindStartRisk(listed), StartRisk::kPull);
  listed.kubelet->preloaded = {"r.io/a/*"};
  EXPECT_EQ(FindStartRisk(listed), std::nullopt);
}

TEST(PodStartTest, AllowListsHoldForTheRepositoryAndForThePodsOwnWords) {
  const auto listed = [](const char* entry, const std::string& repository,
                         const std::set<std::string>& spellings) {
    return IsAllowlisted({.policy = "", .preloaded = {entry}}, repository, spellings);
  };
  EXPECT_TRUE(listed("r.io/*", "r.io/a/b", {"r.io/a/b:1"}));
  EXPECT_TRUE(listed("r.io/a/b", "r.io/a/b", {})) << "no pod is known";
  EXPECT_FALSE(listed("r.io/a/b", "r.io/a/b", {"r.io/a/b:1"})) << "1.35.4 compares tag and all";
  EXPECT_FALSE(listed("docker.io/*", "docker.io/library/nginx", {"nginx:1"}));
  EXPECT_FALSE(listed("r.io/a", "r.io/a/b", {}));
  EXPECT_FALSE(listed("r.io/a/b*", "r.io/a/b", {}));
  EXPECT_FALSE(listed("r.io/a/bc", "r.io/a/b", {}));
}

TEST(PodStartTest, ARegistryThatAnswersHelpsAllButNever) {
  for (const auto record :
       {v1::PULL_RECORD_ELSEWHERE, v1::PULL_RECORD_PULLING, v1::PULL_RECORD_BROKEN}) {
    StartFacts facts = Facts(record);
    facts.is_answered = true;
    EXPECT_EQ(FindStartRisk(facts), std::nullopt);
    facts.pods.policies.insert(PullPolicy::kNever);
    EXPECT_EQ(FindStartRisk(facts), StartRisk::kNever);
  }
}

TEST(PodStartTest, AlwaysNeedsOneThatAnswers) {
  for (const auto record :
       {v1::PULL_RECORD_NONE, v1::PULL_RECORD_OPEN, v1::PULL_RECORD_WITH_SECRETS}) {
    StartFacts facts = Facts(record, "NeverVerify");
    facts.pods.policies = {PullPolicy::kAlways};
    EXPECT_EQ(FindStartRisk(facts), StartRisk::kAlways);
    facts.is_answered = true;
    EXPECT_EQ(FindStartRisk(facts), std::nullopt);
  }
}

TEST(KubeletConfigTest, AreReadFromItsConfiguration) {
  const absl::StatusOr<KubeletConfig> kubelet = ParseKubeletConfig(
      R"({"kubeletconfig":{"imagePullCredentialsVerificationPolicy":"NeverVerifyAllowlistedImages",)"
      R"("preloadedImagesVerificationAllowlist":["r.io/a", 7]}})");
  ASSERT_TRUE(kubelet.ok()) << kubelet.status();
  EXPECT_EQ(kubelet->policy, "NeverVerifyAllowlistedImages");
  EXPECT_THAT(kubelet->preloaded, ElementsAre("r.io/a"));
  EXPECT_EQ(ParseKubeletConfig(R"({"kubeletconfig":{}})")->policy, "");
  for (const std::string text : {"{", "{}", "[]", R"({"kubeletconfig":1})"}) {
    EXPECT_FALSE(ParseKubeletConfig(text).ok()) << text;
  }
  EXPECT_FALSE(ParseKubeletConfig(std::string(2 << 20, ' ')).ok());
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
      kubelets_[name] = {.policy = kDefault, .preloaded = {}};
    }
    PlannedBundle& bundle = releases_.bundles.emplace_back();
    bundle.pulls[kName] = {.policies = {PullPolicy::kIfNotPresent}, .spellings = {kName}};
    bundle.names.targets.push_back(
        {.image = 0, .source_name = "", .name = kName, .witness = NameWitness::kRendered});
  }

  std::vector<StartProblem> Find(const std::vector<std::string>& allowed = {}) const {
    return CheckStart(nodes_, releases_, kubelets_, {.publishes = true, .allowed = allowed})
        .problems;
  }

  void Serve() {
    for (NodePlan& node : nodes_) {
      node.info.set_registry(kNodeRegistry);
      v1::Mirror* const mirror = node.info.add_mirrors();
      mirror->set_registry("r.io");
      mirror->set_tried(true);
    }
  }

  static constexpr char kName[] = "r.io/a/b:1";
  std::vector<NodePlan> nodes_;
  ReleasePlan releases_;
  std::map<std::string, KubeletConfig> kubelets_;
};

TEST_F(StartProblemsTest, AreToldOnceANameWithAllNodesAndTheWayOut) {
  const std::vector<StartProblem> problems = Find();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].nodes, ElementsAre("node1", "node2"));
  const std::string text = problems[0].Describe();
  EXPECT_THAT(text, HasSubstr("E-PULL-RECORD: r.io/a/b:1 on node1, node2: "));
  EXPECT_THAT(text, HasSubstr("--mirror r.io`"));
  EXPECT_THAT(text, HasSubstr("--allow-pull r.io/a/b:1"));
  EXPECT_THAT(Message(CheckPodsStart(problems, false)), HasSubstr(text));
}

TEST_F(StartProblemsTest, WhatIsAllowedIsLeftOutWhereAPullHelps) {
  EXPECT_THAT(Find({kName}), IsEmpty());
  releases_.bundles[0].pulls[kName].policies.insert(PullPolicy::kNever);
  ASSERT_EQ(Find({kName}).size(), 1U);
  EXPECT_EQ(Find({kName})[0].risk, StartRisk::kNever);
}

TEST_F(StartProblemsTest, OneNodeThatIsAwayAndOneKubeletThatIs) {
  nodes_[0].status = absl::UnavailableError("away");
  kubelets_.erase("node2");
  ASSERT_EQ(Find().size(), 1U);
  EXPECT_EQ(Find()[0].risk, StartRisk::kPull) << "kubelet's default is assumed";
  nodes_[1].inventory.mutable_names(0)->set_pull_record(v1::PULL_RECORD_NONE);
  ASSERT_EQ(Find().size(), 1U);
  EXPECT_THAT(Find()[0].Describe(), HasSubstr("N-PULL-UNKNOWN: on node2: "));
  EXPECT_FALSE(Find()[0].blocks);
}

TEST_F(StartProblemsTest, OnlyNamesThatPodsMayAskForBlock) {
  releases_.bundles[0].pulls.clear();
  EXPECT_TRUE(Find()[0].blocks) << "it may be in an argument";
  releases_.bundles[0].names.targets[0].witness = NameWitness::kHint;
  ASSERT_EQ(Find().size(), 1U);
  EXPECT_FALSE(Find()[0].blocks);
  releases_.bundles[0].names.targets.clear();
  EXPECT_THAT(Find(), IsEmpty()) << "an agent that tells of other names is not heard";
}

TEST_F(StartProblemsTest, AMirrorAnswersWhereItWorks) {
  Serve();
  EXPECT_THAT(Find(), IsEmpty());
  nodes_[0].info.mutable_mirrors(0)->set_problem("not lighter's");
  ASSERT_THAT(Find(), Not(IsEmpty()));
  EXPECT_THAT(Find()[0].nodes, ElementsAre("node1"));
  nodes_[0].info.mutable_mirrors(0)->clear_problem();
  nodes_[1].info.mutable_kept()->set_registry_problem("the port is taken");
  ASSERT_THAT(Find(), Not(IsEmpty()));
  EXPECT_THAT(Find()[0].nodes, ElementsAre("node2"));
}

TEST_F(StartProblemsTest, NobodyAnswersForWhatIsInNoList) {
  Serve();
  StartCheck check = CheckStart(nodes_, releases_, kubelets_, {.publishes = true, .allowed = {}});
  EXPECT_THAT(check.answered, ElementsAre(kName));
  check = CheckStart(nodes_, releases_, kubelets_, {.publishes = false, .allowed = {}});
  EXPECT_EQ(check.problems.size(), 1U);
  EXPECT_THAT(check.answered, IsEmpty());
}

TEST_F(StartProblemsTest, APullThatGoesOnBlocksOnlyOnceTheImagesAreThere) {
  for (NodePlan& node : nodes_) {
    node.inventory.mutable_names(0)->set_pull_record(v1::PULL_RECORD_PULLING);
  }
  EXPECT_EQ(CheckPodsStart(Find(), false), absl::OkStatus());
  EXPECT_THAT(Message(CheckPodsStart(Find(), true)), HasSubstr("E-PULL-INTENT"));
}

TEST_F(StartProblemsTest, OnlyANoteDoesNotBlock) {
  for (NodePlan& node : nodes_) {
    node.inventory.mutable_names(0)->set_pull_record(v1::PULL_RECORD_WITH_SECRETS);
  }
  const std::vector<StartProblem> problems = Find();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(CheckPodsStart(problems, true), absl::OkStatus());
}

}  // namespace
}  // namespace lighter
