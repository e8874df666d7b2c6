#include "coordinator/naming/image_uses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kName[] = "r.io/a:1";

// An object whose pods have that image; `spec` and `metadata` are more of these, in YAML's flow
// style.
std::string Object(const std::string& kind, const std::string& spec = "",
                   const std::string& metadata = "") {
  const std::string pod = absl::StrCat("template: {spec: {containers: [{image: '", kName, "'}]}}");
  const std::string job =
      kind == "CronJob" ? absl::StrCat("jobTemplate: {spec: {", pod, "}}") : pod;
  return absl::StrCat("---\nkind: ", kind, "\nmetadata: {name: web, ", metadata, "}\nspec: {", spec,
                      spec.empty() ? "" : ", ", job, "}\n");
}

std::string Hook(const std::string& events) {
  return Object("Job", "", absl::StrCat("annotations: {'helm.sh/hook': '", events, "'}"));
}

// "use: object words" of the name; "none" where it has no user.
std::string User(const std::string& manifests, bool is_new = false) {
  const auto users = FindImageUsers(manifests, {kName}, is_new);
  if (users.empty()) return "none";
  const ImageUser& user = users.at(kName);
  static constexpr const char* kUses[] = {"runs", "later", "idle", "test"};
  return absl::StrCat(kUses[static_cast<int>(user.use)], ": ", user.object, " ", user.words);
}

TEST(ImageUsersTest, WhatStartsWithTheReleaseRuns) {
  EXPECT_EQ(User(Object("Deployment")), "runs: Deployment web starts it");
  EXPECT_EQ(User(Object("Deployment", "replicas: 2")), "runs: Deployment web starts it");
  EXPECT_EQ(User(Object("Job")), "runs: Job web starts it");
  EXPECT_EQ(User(Object("SomebodysOwn")), "runs: SomebodysOwn web starts it");
  EXPECT_EQ(User(Hook("pre-upgrade,pre-install")),
            "runs: Job web starts it as a hook (pre-upgrade, pre-install)");
  EXPECT_EQ(User(Hook("post-install"), /*is_new=*/true),
            "runs: Job web starts it as a hook (post-install)");
}

TEST(ImageUsersTest, WhatStartsByItselfSomeDayRunsLater) {
  EXPECT_EQ(User(Object("CronJob")), "later: CronJob web starts it by its schedule");
  EXPECT_EQ(User(Hook("pre-rollback")), "later: Job web starts it as a hook (pre-rollback)");
  EXPECT_EQ(User(Hook("post-delete, post-install")),
            "later: Job web starts it as a hook (post-delete, post-install)");
  EXPECT_EQ(User(Hook("pre-upgrade"), /*is_new=*/true),
            "later: Job web starts it as a hook (pre-upgrade)");
  for (const char* target : {"{kind: Deployment, name: web}", "{name: web}"}) {
    EXPECT_EQ(User(absl::StrCat(Object("Deployment", "replicas: 0"),
                                "---\nkind: ScaledObject\nspec: {scaleTargetRef: ", target, "}\n")),
              "later: Deployment web has no replicas until its autoscaler gives it some");
  }
}

TEST(ImageUsersTest, WhatSomebodyWouldHaveToChangeIsIdle) {
  EXPECT_EQ(User(Object("Deployment", "replicas: 0")), "idle: Deployment web has no replicas");
  EXPECT_EQ(User(Object("StatefulSet", "replicas: 0") +
                 "---\nkind: HorizontalPodAutoscaler\nspec: {scaleTargetRef: {kind: StatefulSet, "
                 "name: other}}\n"),
            "idle: StatefulSet web has no replicas");
  EXPECT_EQ(User(Object("CronJob", "suspend: true")), "idle: CronJob web is suspended");
  EXPECT_EQ(User(Object("Job", "suspend: true")), "idle: Job web is suspended");
  EXPECT_EQ(User(Hook("pre-install")),
            "idle: Job web is a hook (pre-install), which an upgrade does not run");
}

TEST(ImageUsersTest, TestsAreOfHelmTestAlone) {
  for (const char* events : {"test", "test-success", "test, test-failure"}) {
    EXPECT_EQ(User(Hook(events)), "test: Job web starts it in `helm test` alone") << events;
  }
  EXPECT_THAT(User(Hook("test,pre-upgrade")), HasSubstr("runs"));
}

TEST(ImageUsersTest, TheMostUrgentUserCounts) {
  EXPECT_EQ(User(Object("CronJob") + Object("Deployment", "replicas: 0") + Object("DaemonSet")),
            "runs: DaemonSet web starts it");
  EXPECT_EQ(User(Object("Deployment", "replicas: 0") + Object("CronJob") + Hook("test")),
            "later: CronJob web starts it by its schedule");
}

TEST(ImageUsersTest, ObjectsOfAListAreLookedAtOneByOne) {
  EXPECT_EQ(
      User("kind: List\nitems:\n- kind: Deployment\n  metadata: {name: b}\n  spec: {replicas: 0, "
           "template: {spec: {containers: [{image: 'r.io/a:1'}]}}}\n- kind: Deployment\n"),
      "idle: Deployment b has no replicas");
}

TEST(ImageUsersTest, ANameThatOnlyStandsSomewhereHasNoUser) {
  EXPECT_EQ(User("kind: ConfigMap\ndata: {image: 'r.io/a:1'}\n"), "none");
  EXPECT_EQ(User(Object("Deployment") + "\n---\nkind: [broken r.io/a:1\n"),
            "runs: Deployment web starts it");
  EXPECT_THAT(FindImageUsers(Object("Deployment"), {}, false), IsEmpty());
  EXPECT_THAT(FindImageUsers(Object("Deployment"), {"r.io/a"}, false), IsEmpty());
}

TEST(SplitTestsTest, OnlyHooksThatAreTestsAloneAreTests) {
  const SplitManifests split = SplitTests(Object("Deployment") + Hook("test") +
                                          Hook("pre-upgrade") + "---\nbroken: [helm.sh/hook");
  EXPECT_THAT(split.applied, HasSubstr("kind: Deployment"));
  EXPECT_THAT(split.applied, HasSubstr("pre-upgrade"));
  EXPECT_THAT(split.applied, HasSubstr("broken"));
  EXPECT_THAT(split.applied, Not(HasSubstr("'test'")));
  EXPECT_THAT(split.tests, HasSubstr("'helm.sh/hook': 'test'"));
  EXPECT_THAT(split.tests, Not(HasSubstr("pre-upgrade")));
}

}  // namespace
}  // namespace lighter
