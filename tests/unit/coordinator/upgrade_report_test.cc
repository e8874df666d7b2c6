#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "coordinator/run/release_pods.h"
#include "coordinator/run/report.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class UpgradeReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(folder_.ok()) << folder_.status();
    ReleaseReport& release = report_.releases.emplace_back();
    release.release = "web";
    release.ns = "harbor";
    release.from_revision = 3;
    release.from_status = "deployed";
  }

  ReleaseReport& release() { return report_.releases[0]; }
  void Fail(ReleaseChange change) {
    release().state = ReleaseState::kFailed;
    release().change = change;
    release().status = absl::AbortedError("helm upgrade failed");
  }
  std::string Text() const { return DescribeUpgrade({}, report_, *folder_); }
  nlohmann::ordered_json Json() const {
    return UpgradeToJson({}, report_, *folder_, {})["releases"][0];
  }

  const absl::StatusOr<RunFolder> folder_ = RunFolder::Temporary();
  UpgradeReport report_;
};

TEST_F(UpgradeReportTest, AFailureThatChangedTheReleaseShowsTheWayBack) {
  Fail(ReleaseChange::kChanged);
  EXPECT_THAT(Text(), StartsWith("A release was changed"));
  EXPECT_THAT(Text(), HasSubstr("way back: lighter rollback web 3 -n harbor"));
  EXPECT_EQ(Json()["changed"], true);
}

TEST_F(UpgradeReportTest, AFailureBeforeAnyChangeSaysSo) {
  Fail(ReleaseChange::kNone);
  EXPECT_THAT(Text(), StartsWith("No release was changed"));
  EXPECT_THAT(Text(), HasSubstr("helm upgrade failed"));
  EXPECT_THAT(Text(), HasSubstr("still at revision 3 (deployed)"));
  EXPECT_THAT(Text(), Not(HasSubstr("way back")));
  EXPECT_EQ(Json()["changed"], false);
  EXPECT_EQ(Json()["wayBack"], "");
}

TEST_F(UpgradeReportTest, AReleaseThatWasPutBackIsAsItWas) {
  Fail(ReleaseChange::kPutBack);
  release().restore = absl::OkStatus();
  release().restored_revision = 3;
  release().evidence = "/run/evidence.txt";
  EXPECT_THAT(Text(), StartsWith("Helm failed, and the release was put back; see below"));
  EXPECT_THAT(Text(), HasSubstr("helm upgrade failed"));
  EXPECT_THAT(Text(), HasSubstr("put back: it runs as revision 3 did"));
  EXPECT_THAT(Text(), HasSubstr("/run/evidence.txt"));
  EXPECT_THAT(Text(), Not(HasSubstr("way back")));
  EXPECT_EQ(Json()["putBack"], true);
  EXPECT_EQ(Json()["wayBack"], "");
}

TEST_F(UpgradeReportTest, NamesThatAreOtherImagesNowAreToldWhereTheReleaseWasPutBack) {
  Fail(ReleaseChange::kPutBack);
  release().restore = absl::OkStatus();
  release().restored_revision = 3;
  EXPECT_THAT(Text(), Not(HasSubstr("not as before")));
  release().moved_names = {"r.io/a:1", "r.io/b:1"};
  EXPECT_THAT(Text(),
              HasSubstr("not as before: the package's images took over these names, so that "
                        "pods of revision 3 start from them, too: r.io/a:1, r.io/b:1;"));
  EXPECT_EQ(Json()["movedNames"], nlohmann::ordered_json({"r.io/a:1", "r.io/b:1"}));
}

TEST_F(UpgradeReportTest, AReleaseThatCouldNotBePutBackSaysSoAndShowsTheWay) {
  Fail(ReleaseChange::kChanged);
  release().restore = absl::AbortedError("helm rollback failed");
  EXPECT_THAT(Text(), StartsWith("A release was changed"));
  EXPECT_THAT(Text(), HasSubstr("putting it back failed: helm rollback failed"));
  EXPECT_THAT(Text(), HasSubstr("way back: lighter rollback web 3 -n harbor"));
  EXPECT_EQ(Json()["putBack"], false);
  EXPECT_EQ(Json()["putBackError"], "helm rollback failed");
}

TEST_F(UpgradeReportTest, AnInstallationGoesBackToNothing) {
  release().from_revision = 0;
  release().from_status = "";
  release().to_version = "2.0.0";
  release().state = ReleaseState::kUpgraded;
  release().change = ReleaseChange::kChanged;
  EXPECT_THAT(Text(), HasSubstr("Release web (namespace harbor): new, 2.0.0: installed\n"));
  EXPECT_THAT(Text(), HasSubstr("way back: helm uninstall web -n harbor\n"));
  EXPECT_EQ(Json()["state"], "installed");
  Fail(ReleaseChange::kNone);
  EXPECT_THAT(Text(), HasSubstr("it was not installed\n"));
}

TEST_F(UpgradeReportTest, WhatCannotBeFoundOutIsNotClaimed) {
  Fail(ReleaseChange::kUnknown);
  EXPECT_THAT(Text(), StartsWith("A release may have been changed"));
  EXPECT_THAT(Text(), HasSubstr("way back: lighter rollback web 3 -n harbor"));
  EXPECT_TRUE(Json()["changed"].is_null());
}

TEST_F(UpgradeReportTest, AnUpgradeBeforeTheFailureIsAChange) {
  release().state = ReleaseState::kUpgraded;
  release().change = ReleaseChange::kChanged;
  ReleaseReport& second = report_.releases.emplace_back();
  second.release = "db";
  second.status = absl::AbortedError("somebody else changed it");
  EXPECT_THAT(Text(), StartsWith("A release was changed"));
  EXPECT_THAT(Text(), HasSubstr("somebody else changed it"));
}

TEST_F(UpgradeReportTest, PodsThatCouldNotBeListedAreNotNone) {
  release().state = ReleaseState::kUpgraded;
  release().change = ReleaseChange::kChanged;
  release().pods = absl::UnavailableError("connection refused");
  EXPECT_THAT(Text(), HasSubstr("its pods could not be listed: connection refused"));
  EXPECT_EQ(Json()["podsError"], "connection refused");
  EXPECT_TRUE(Json()["pods"].empty());
}

TEST_F(UpgradeReportTest, AJobsPodThatIsDoneIsDone) {
  release().state = ReleaseState::kUpgraded;
  release().pods = std::vector<PodState>{{.name = "job", .node = "n", .phase = "Succeeded"},
                                         {.name = "new", .node = "n", .phase = "Pending"}};
  EXPECT_THAT(Text(), HasSubstr("Succeeded\n"));
  EXPECT_THAT(Text(), HasSubstr("Pending (not ready)\n"));
}

TEST(PodsWhenSettledTest, PodsThatHaveEndedAreNotWaitedFor) {
  int calls = 0;
  const auto pods = PodsWhenSettled(
      [&] {
        ++calls;
        return std::vector<PodState>{
            {.phase = "Running", .ready = true}, {.phase = "Succeeded"}, {.phase = "Failed"}};
      },
      absl::InfiniteDuration());
  ASSERT_TRUE(pods.ok()) << pods.status();
  EXPECT_EQ(pods->size(), 3u);
  EXPECT_EQ(calls, 1);
}

TEST(PodsWhenSettledTest, AFailureIsNoListOfNoPods) {
  int calls = 0;
  const auto pods = PodsWhenSettled(
      [&]() -> absl::StatusOr<std::vector<PodState>> {
        if (++calls == 1) return absl::UnavailableError("connection refused");
        return std::vector<PodState>{{.phase = "Running", .ready = calls == 3}};
      },
      absl::InfiniteDuration());
  ASSERT_TRUE(pods.ok()) << pods.status();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(PodsWhenSettled([] { return absl::UnavailableError("connection refused"); },
                            absl::ZeroDuration())
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
}

// A plan with one bundle, of one image without any name.
Plan OneBundle() {
  Plan plan;
  plan.package.bundles.emplace_back().name = "web.bundle.tar";
  plan.package.bundles[0].images.images.emplace_back();
  plan.releases.bundles.emplace_back();
  return plan;
}

TEST(CheckLoadTest, MissingImagesAndNothingToLoadAreRefused) {
  Plan plan = OneBundle();
  EXPECT_THAT(Message(CheckLoad(plan)),
              HasSubstr("nothing to load: web.bundle.tar: none of its images has a name"));
  plan.package.bundles[0].images.images.clear();
  EXPECT_THAT(Message(CheckLoad(plan)), HasSubstr("web.bundle.tar: no images in it"));
  plan.releases = {.skipped = {{.bundle = 0, .cause = "no release of chart web"}}};
  EXPECT_THAT(Message(CheckLoad(plan)), HasSubstr("web.bundle.tar: no release of chart web"));

  plan.work.images.emplace_back();
  EXPECT_TRUE(CheckLoad(plan).ok()) << CheckLoad(plan);
  plan.releases.bundles.emplace_back().uncovered = {{.name = "r.io/a:1", .user = {}}};
  EXPECT_THAT(Message(CheckLoad(plan)), HasSubstr("E-IMAGE-MISSING: r.io/a:1: "));
  EXPECT_THAT(Message(CheckLoad(plan)), HasSubstr("--allow-missing"));
}

TEST(LoadReportTest, JsonSaysWhatIsMissingAndWorthKnowing) {
  Plan plan = OneBundle();
  plan.notes = {"a hint could not be evaluated"};
  plan.releases = {.skipped = {{.bundle = 0, .cause = "no release of chart web"}}};
  plan.releases.bundles.emplace_back().uncovered = {{.name = "r.io/a:1", .user = {}}};
  const nlohmann::ordered_json json = LoadToJson(plan, CheckLoad(plan), {}, {});
  EXPECT_EQ(json["missing"], nlohmann::ordered_json({"r.io/a:1"}));
  EXPECT_EQ(json["nameProblems"][0]["code"], "E-IMAGE-MISSING");
  EXPECT_EQ(json["notes"], nlohmann::ordered_json({"a hint could not be evaluated"}));
  EXPECT_EQ(json["skipped"][0]["bundle"], "web.bundle.tar");
  EXPECT_THAT(json["blocked"].get<std::string>(), HasSubstr("r.io/a:1"));
}

TEST_F(UpgradeReportTest, AReleaseOfAnothersIsLeftToItsOwner) {
  release().owner = ReleaseOwner{"N-OWNER-FLUX", "Flux (HelmRelease web)", "change it there"};
  EXPECT_TRUE(report_.Succeeded());
  EXPECT_TRUE(report_.LeftToOwners());
  EXPECT_THAT(Text(), HasSubstr(": left to its owner"));
  EXPECT_THAT(Text(), HasSubstr("N-OWNER-FLUX: Flux (HelmRelease web) upgrades it"));
  EXPECT_EQ(Json()["owner"]["code"], "N-OWNER-FLUX");
}

TEST_F(UpgradeReportTest, CrdsThatWereAppliedAreNamed) {
  release().state = ReleaseState::kUpgraded;
  release().crds = {{.name = "a.example.io"}, {.name = "b.example.io", .is_absent = true}};
  release().crds_backup = "/runs/1/a.yaml";
  EXPECT_THAT(Text(), HasSubstr("CRDs applied before Helm: a.example.io, b.example.io; they stay "
                                "after a rollback   (as they were: /runs/1/a.yaml)"));
  EXPECT_EQ(Json()["crds"].size(), 2u);
}

TEST_F(UpgradeReportTest, NodesThatMayBeUnprovenAreNamed) {
  release().state = ReleaseState::kUpgraded;
  report_.load.nodes = {{"node1", absl::OkStatus(), 0, {}},
                        {"node3", absl::UnavailableError("its agent hangs"), 0, {}}};
  report_.load.allowed = {"node3"};
  EXPECT_THAT(Text(), HasSubstr("Proven on 1 node:"));
  EXPECT_THAT(Text(), HasSubstr("N-UNPROVEN: not proven, and allowed"));
  EXPECT_THAT(Text(), HasSubstr("node3: its agent hangs"));
}

}  // namespace
}  // namespace lighter
