#include "coordinator/verify/release_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lighter {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kName[] = "r.io/a/web:1";
const std::string kManifest = "sha256:" + std::string(64, 'a');
const std::string kOtherManifest = "sha256:" + std::string(64, 'b');
const std::string kImage = "sha256:" + std::string(64, 'c');
const std::string kOtherImage = "sha256:" + std::string(64, 'd');

// Three nodes that have the name as the list wants it.
class ReleaseProofTest : public ::testing::Test {
 protected:
  ReleaseProofTest() {
    for (const char* name : {"node1", "node2", "node3"}) {
      NodePlan& node = nodes_.emplace_back();
      node.name = name;
      v1::NameState& state = *node.inventory.add_names();
      state.set_name(kName);
      state.set_current_manifest_digest(kManifest);
      state.set_image_id(kImage);
      state.set_pull_record(v1::PULL_RECORD_NONE);
      state.set_proven(true);
      kubelets_[name] = {.policy = "NeverVerifyPreloadedImages", .preloaded = {}};
    }
    wanted_.uses[kName] = {.pods = {.policies = {PullPolicy::kIfNotPresent}, .spellings = {kName}},
                           .is_asked_for = true,
                           .is_served = true};
    wanted_.held[kName].set_manifest_digest(kManifest);
    wanted_.is_listed = true;
  }

  v1::NameState& State(size_t node) { return *nodes_[node].inventory.mutable_names(0); }
  void TakeAway(size_t node) {
    State(node).Clear();
    State(node).set_name(kName);
    State(node).set_cause("no image has this name");
  }
  void ForgetTheList() {
    wanted_.held.clear();
    wanted_.is_listed = false;
  }
  ReleaseProof Judge() const { return JudgeRelease(wanted_, nodes_, kubelets_, query_); }

  std::vector<NodePlan> nodes_;
  WantedNames wanted_;
  std::map<std::string, KubeletConfig> kubelets_;
  ProofQuery query_ = {.chart = "web 0.1.0", .allowed = {}, .is_strict = false};
};

TEST_F(ReleaseProofTest, WhatTheListHoldsOnEveryNodeIsProven) {
  const ReleaseProof proof = Judge();
  EXPECT_TRUE(proof.proven());
  EXPECT_EQ(proof.proven_names(), 1U);
  EXPECT_THAT(proof.problems, IsEmpty());
}

TEST_F(ReleaseProofTest, AMissingNameThatAnotherNodeHasComesBackByItself) {
  TakeAway(1);
  const ReleaseProof proof = Judge();
  EXPECT_EQ(proof.proven_names(), 0U);
  ASSERT_EQ(proof.problems.size(), 1U);
  EXPECT_THAT(proof.problems[0].Describe(),
              HasSubstr("E-IMAGE-MISSING: r.io/a/web:1 on node2: no image has this name; the agent "
                        "there brings it from node1 by itself"));
}

TEST_F(ReleaseProofTest, WhatNoNodeHasComesFromThePackage) {
  for (size_t i = 0; i < nodes_.size(); ++i) TakeAway(i);
  ASSERT_EQ(Judge().problems.size(), 1U) << "nodes with the same are told together";
  EXPECT_THAT(Judge().problems[0].nodes, ElementsAre("node1", "node2", "node3"));
  EXPECT_THAT(Judge().problems[0].remedy,
              AllOf(HasSubstr("lighter load PACKAGE"), HasSubstr("web 0.1.0"),
                    Not(HasSubstr("by itself")), Not(HasSubstr("--allow-pull"))));
}

TEST_F(ReleaseProofTest, AnotherImageUnderTheNameIsNamed) {
  State(2).set_current_manifest_digest(kOtherManifest);
  State(2).set_image_id(kOtherImage);
  ASSERT_EQ(Judge().problems.size(), 1U);
  EXPECT_EQ(Judge().problems[0].code, "E-IMAGE-OTHER");
  EXPECT_THAT(Judge().problems[0].nodes, ElementsAre("node3"));
  EXPECT_THAT(Judge().problems[0].cause, HasSubstr("sha256:dddddddddddd instead of sha256:cccc"));
}

TEST_F(ReleaseProofTest, TheSameImageWithAnotherManifestIsRight) {
  State(2).set_current_manifest_digest(kOtherManifest);
  EXPECT_TRUE(Judge().proven());
}

TEST_F(ReleaseProofTest, AnotherImageOnAllNodesIsNotRightBecauseTheyAgree) {
  for (size_t i = 0; i < nodes_.size(); ++i) State(i).set_current_manifest_digest(kOtherManifest);
  ASSERT_EQ(Judge().problems.size(), 1U);
  EXPECT_EQ(Judge().problems[0].code, "E-IMAGE-OTHER");
  EXPECT_THAT(Judge().problems[0].cause, HasSubstr("sha256:bbbbbbbbbbbb instead of sha256:aaaa"));
}

TEST_F(ReleaseProofTest, WithoutAListNodesMustAgree) {
  ForgetTheList();
  State(0).set_is_lighters(true);
  EXPECT_TRUE(Judge().proven());
  State(1).set_image_id(kOtherImage);
  ASSERT_EQ(Judge().problems.size(), 1U);
  EXPECT_EQ(Judge().problems[0].code, "E-IMAGE-DIFFERS");
  EXPECT_THAT(Judge().problems[0].cause,
              HasSubstr("sha256:cccccccccccc on node1, node3; sha256:dddddddddddd on node2"));
}

TEST_F(ReleaseProofTest, AnImageThatIsNotWholeIsTold) {
  State(0).set_proven(false);
  State(0).set_cause("its layers are not unpacked");
  ASSERT_EQ(Judge().problems.size(), 1U);
  EXPECT_EQ(Judge().problems[0].code, "E-IMAGE-BROKEN");
  EXPECT_THAT(Judge().problems[0].cause, HasSubstr("not unpacked"));
}

TEST_F(ReleaseProofTest, KubeletsHalfCountsToo) {
  State(1).set_pull_record(v1::PULL_RECORD_ELSEWHERE);
  const ReleaseProof proof = Judge();
  EXPECT_FALSE(proof.proven());
  ASSERT_EQ(proof.problems.size(), 1U);
  EXPECT_EQ(proof.problems[0].code, "E-PULL-RECORD");
  EXPECT_THAT(proof.problems[0].nodes, ElementsAre("node2"));
  query_.allowed = {kName};
  EXPECT_TRUE(Judge().proven());
}

TEST_F(ReleaseProofTest, AMissingNameIsToldOnce) {
  kubelets_.clear();
  TakeAway(0);
  EXPECT_THAT(Judge().problems, ElementsAre(Field(&ProofProblem::code, "E-IMAGE-MISSING"),
                                            Field(&ProofProblem::code, "N-PULL-UNKNOWN")));
  EXPECT_THAT(Judge().problems[1].nodes, ElementsAre("node2", "node3"));
}

TEST_F(ReleaseProofTest, WhatLighterDidNotBringIsANoteUnlessAllMustBeThere) {
  ForgetTheList();
  TakeAway(1);
  EXPECT_FALSE(Judge().is_lighters);
  EXPECT_TRUE(Judge().proven());
  ASSERT_EQ(Judge().problems.size(), 1U);
  EXPECT_THAT(Judge().problems[0].remedy, HasSubstr("--allow-pull r.io/a/web:1"));
  query_.is_strict = true;
  EXPECT_FALSE(Judge().proven());
  query_.allowed = {kName};
  EXPECT_TRUE(Judge().proven());
}

TEST_F(ReleaseProofTest, ANodeThatDidNotAnswerIsNotJudged) {
  TakeAway(1);
  nodes_[1].status = absl::UnavailableError("away");
  EXPECT_THAT(Judge().problems, IsEmpty());
}

}  // namespace
}  // namespace lighter
