#include "coordinator/naming/registry_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "from -> to (how many)" of each.
std::vector<std::string> Changes(const std::vector<std::string>& then,
                                 const std::vector<std::string>& now) {
  std::vector<std::string> lines;
  for (const RegistryChange& change : FindRegistryChanges(then, now)) {
    lines.push_back(absl::StrCat(change.from, " -> ", change.to, " (", change.images.size(), ")"));
  }
  return lines;
}

TEST(RegistryChangesTest, AnUpgradeChangesTagsAndNothingElse) {
  EXPECT_THAT(Changes({"10.16.10.111/hydra/ui:v1", "nginx:1"},
                      {"10.16.10.111/hydra/ui:v2", "docker.io/library/nginx:2"}),
              IsEmpty());
}

// A chart that charts-syncer rewrote, and then the vendor's own.
TEST(RegistryChangesTest, AMirrorThatIsDroppedIsAChange) {
  EXPECT_THAT(Changes({"10.16.10.111/release.example.io/hydra/ui:v1",
                       "10.16.10.111/release.example.io/hydra/api:v1"},
                      {"release.example.io/hydra/ui:v2", "release.example.io/hydra/api:v2"}),
              ElementsAre("10.16.10.111/release.example.io -> release.example.io (2)"));
  EXPECT_THAT(Changes({"harbor.local/cache/bitnami/redis:7"}, {"harbor.local/bitnami/redis:8"}),
              ElementsAre("harbor.local/cache -> harbor.local (1)"));
}

TEST(RegistryChangesTest, AMirrorThatIsNewIsAChange) {
  EXPECT_THAT(Changes({"ghcr.io/a/b:1"}, {"10.0.0.5:5000/ghcr.io/a/b:2"}),
              ElementsAre("ghcr.io -> 10.0.0.5:5000/ghcr.io (1)"));
}

TEST(RegistryChangesTest, ByTheRuleOfARepositoryOnlyTheLastPartIsLeft) {
  EXPECT_THAT(Changes({"10.16.10.111/proj/containers/c:v1"}, {"ghcr.io/a/b/c:v2"}),
              ElementsAre("10.16.10.111/proj/containers -> ghcr.io/a/b (1)"));
}

TEST(RegistryChangesTest, SeveralRegistriesAreSeveralChanges) {
  EXPECT_THAT(Changes({"docker.io/a/x:1", "quay.io/b/y:1", "quay.io/b/z:1"},
                      {"r.io/a/x:2", "s.io/b/y:2", "quay.io/b/z:2"}),
              ElementsAre("docker.io -> r.io (1)", "quay.io -> s.io (1)"));
  // Only one of two moves, to a registry that the release has already.
  EXPECT_THAT(Changes({"docker.io/a/x:1", "quay.io/b/y:1"}, {"quay.io/a/x:2", "quay.io/b/y:2"}),
              ElementsAre("docker.io -> quay.io (1)"));
}

TEST(RegistryChangesTest, WhatIsNewOrRenamedIsNone) {
  EXPECT_THAT(Changes({}, {"r.io/a:1"}), IsEmpty()) << "a first installation";
  EXPECT_THAT(Changes({"r.io/a/x:1"}, {"r.io/a/x:2", "s.io/new/y:1"}), IsEmpty())
      << "a new image from a registry that is new";
  EXPECT_THAT(Changes({"docker.io/bitnami/redis:7"}, {"docker.io/bitnamilegacy/redis:7"}),
              IsEmpty())
      << "renamed at its registry";
  EXPECT_THAT(Changes({"r.io/a/x:1", "s.io/b/y:1"}, {"s.io/b/y:1", "s.io/c/x:1"}), IsEmpty())
      << "another image of that last part, from a registry that is known";
  EXPECT_THAT(Changes({"r.io/a/x:1"}, {"r.io/a/x:1", "s.io/a/x:1"}), IsEmpty())
      << "the one before is in use still";
}

TEST(RegistryChangesTest, ThePathDecidesWhereSeveralCouldBeMeant) {
  EXPECT_THAT(Changes({"r.io/mirror/team/web:1", "r.io/web:1"}, {"s.io/team/web:2"}),
              ElementsAre("r.io/mirror -> s.io (1)"));
}

TEST(RegistryChangesTest, WhatCannotBeANameIsPassedOver) {
  EXPECT_THAT(Changes({"r.io/A:1", ""}, {"s.io/a:1", "::"}), IsEmpty());
}

TEST(RegistryChangesTest, TheRegistryAloneIsWhatConsentNames) {
  const auto changes = FindRegistryChanges({"docker.io/a/x:1"}, {"10.0.0.5:5000/docker.io/a/x:1"});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].registry(), "10.0.0.5:5000");
  EXPECT_EQ(changes[0].images[0].from, "docker.io/a/x:1");
  EXPECT_EQ(changes[0].images[0].to, "10.0.0.5:5000/docker.io/a/x:1");
}

}  // namespace
}  // namespace lighter
