#include "coordinator/plan/name_problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "coordinator/plan/plan.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kSpelled[] = "nginx:1";
constexpr char kName[] = "docker.io/library/nginx:1";

UncoveredImage Image(ImageUse use) { return {.name = kSpelled, .user = {use, "CronJob b", "x"}}; }

Plan WithImage(const UncoveredImage& image) {
  Plan plan;
  PlannedBundle& planned = plan.releases.bundles.emplace_back();
  planned.uncovered = {image};
  planned.pulls[kName] = {.policies = {PullPolicy::kIfNotPresent}, .spellings = {kSpelled}};
  return plan;
}

std::string CodeOf(const UncoveredImage& image) {
  return FindNameProblems(WithImage(image)).at(0).code;
}

// A node that answers about the name.
NodePlan Node(bool is_proven, v1::PullRecord record = v1::PULL_RECORD_NONE) {
  NodePlan node;
  node.name = "node1";
  v1::NameState& state = *node.inventory.add_names();
  state.set_name(kName);
  state.set_proven(is_proven);
  state.set_pull_record(record);
  return node;
}

bool IsPresent(const std::vector<NodePlan>& nodes) {
  Plan plan = WithImage(Image(ImageUse::kRuns));
  MarkPresent(nodes, {}, plan.releases);
  return plan.releases.bundles[0].uncovered[0].is_present;
}

TEST(NameProblemsTest, WhatAnImageThatIsNotThereWouldDoDecides) {
  EXPECT_EQ(CodeOf(Image(ImageUse::kRuns)), "E-IMAGE-MISSING");
  EXPECT_EQ(CodeOf(Image(ImageUse::kLater)), "E-IMAGE-LATER");
  EXPECT_EQ(CodeOf(Image(ImageUse::kIdle)), "N-IMAGE-ZERO");
  EXPECT_EQ(CodeOf(Image(ImageUse::kTest)), "N-IMAGE-TEST");
  UncoveredImage image = Image(ImageUse::kLater);
  image.is_present = true;
  EXPECT_EQ(CodeOf(image), "N-IMAGE-PRESENT");
  image.is_allowed = true;
  EXPECT_EQ(CodeOf(image), "N-IMAGE-ALLOWED");
}

TEST(NameProblemsTest, WhatBlocksSaysWhoStartsItAndTheWayOut) {
  const Plan plan = WithImage(Image(ImageUse::kLater));
  EXPECT_THAT(
      DescribeNameProblems(plan),
      HasSubstr("blocks the upgrade: E-IMAGE-LATER: nginx:1: no image of the package covers "
                "it, and CronJob b x; set the values"));
  EXPECT_THAT(Message(CheckNames(plan)), HasSubstr("--allow-missing nginx:1"));
  EXPECT_THAT(MissingNames(plan), ElementsAre(kSpelled));
  EXPECT_EQ(NameProblemsToJson(plan)[0]["blocks"], true);
}

TEST(NameProblemsTest, NotesAreNoneOfTheirBusinessWhoGoOn) {
  const Plan plan = WithImage(Image(ImageUse::kTest));
  EXPECT_THAT(DescribeNameProblems(plan), HasSubstr("note: N-IMAGE-TEST: nginx:1: "));
  EXPECT_TRUE(CheckNames(plan).ok());
  EXPECT_THAT(MissingNames(plan), IsEmpty());
  EXPECT_THAT(NamesToLookFor(plan.releases), IsEmpty());
}

TEST(NameProblemsTest, ForeignWordsKeepToTheirLine) {
  UncoveredImage image = Image(ImageUse::kRuns);
  image.user.object = "Pod a\nAll is well";
  EXPECT_THAT(DescribeNameProblems(WithImage(image)), Not(HasSubstr("\nAll")));
  EXPECT_THAT(Message(CheckNames(WithImage(image))), Not(HasSubstr("\nAll")));
}

TEST(NameProblemsTest, AnImageIsPresentWhereEveryNodeProvesItAndStartsPodsOfIt) {
  EXPECT_THAT(NamesToLookFor(WithImage(Image(ImageUse::kRuns)).releases), ElementsAre(kName));
  EXPECT_TRUE(IsPresent({Node(true), Node(true)}));
  EXPECT_FALSE(IsPresent({Node(true), Node(false)}));
  EXPECT_FALSE(IsPresent({}));
  EXPECT_FALSE(IsPresent({Node(true), Node(true, v1::PULL_RECORD_ELSEWHERE)}));
  NodePlan silent = Node(true);
  silent.status = absl::UnavailableError("gone");
  EXPECT_FALSE(IsPresent({Node(true), silent}));
}

// As a release has it that charts-syncer's chart installed.
Plan WithChange(const std::string& from, const std::string& to, size_t images) {
  Plan plan;
  PlannedBundle& planned = plan.releases.bundles.emplace_back();
  planned.release.name = "web";
  planned.release.ns = "harbor";
  RegistryChange& change = planned.registry_changes.emplace_back();
  change.from = from;
  change.to = to;
  for (size_t i = 0; i < images; ++i) change.images.push_back({from + "/a:1", to + "/a:2"});
  return plan;
}

TEST(NameProblemsTest, ARegistryThatChangesUnaskedStopsAndTellsBothWays) {
  const std::string words = Message(CheckNames(WithChange("10.0.0.5/r.io", "r.io", 5)));
  EXPECT_THAT(words,
              HasSubstr("E-REGISTRY-CHANGED: r.io: 5 images of release web (namespace harbor) "
                        "would come from there, and now come from 10.0.0.5/r.io, which nothing "
                        "on the command line asks for (10.0.0.5/r.io/a:1 -> r.io/a:2, "));
  EXPECT_THAT(words, HasSubstr("and 2 more)"));
  EXPECT_THAT(words, HasSubstr("as it is now: --registry 10.0.0.5/r.io, or the values"));
  EXPECT_THAT(words, HasSubstr("if it is meant: --allow-registry r.io"));
}

TEST(NameProblemsTest, TheFlagsThatKeepARegistryFitTheChange) {
  const auto flags = [](const std::string& from, const std::string& to) {
    return FindNameProblems(WithChange(from, to, 1)).at(0).remedy;
  };
  EXPECT_THAT(flags("ghcr.io", "10.0.0.5/ghcr.io"), HasSubstr(": --registry ghcr.io, or"));
  EXPECT_THAT(flags("10.0.0.5/proj/containers", "ghcr.io/a/b"),
              HasSubstr(": --registry 10.0.0.5 --repository proj/containers, or"));
  EXPECT_THAT(flags("r.io", "10.0.0.5/ghcr.io"), HasSubstr("--allow-registry 10.0.0.5"));
}

}  // namespace
}  // namespace lighter
