#include "coordinator/desired/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/run/prune_report.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Images = google::protobuf::RepeatedPtrField<v1::DesiredImage>;

void Add(Images& images, const std::vector<std::string>& names) {
  v1::DesiredImage& image = *images.Add();
  image.set_manifest_digest("sha256:" + std::string(64, 'a'));
  *image.mutable_names() = {names.begin(), names.end()};
}

// A release that runs, with images to go back to; one that is gone; a chart without a release.
v1::Desired ThreeEntries() {
  v1::Desired list;
  list.set_generation(4);
  v1::DesiredRelease& runs = *list.add_releases();
  runs.set_name("ns/runs");
  runs.set_chart_version("2.0.0");
  runs.set_revision(2);
  Add(*runs.mutable_images(), {"r.io/shared:1", "r.io/runs:2"});
  Add(*runs.mutable_previous_images(), {"r.io/runs:1"});
  v1::DesiredRelease& gone = *list.add_releases();
  gone.set_name("ns/gone");
  Add(*gone.mutable_images(), {"r.io/shared:1"});
  Add(*gone.mutable_images(), {"r.io/gone:2", "mirror.io/gone:2"});
  Add(*gone.mutable_previous_images(), {"r.io/gone:1"});
  v1::DesiredRelease& alone = *list.add_releases();
  alone.set_name("alone");
  Add(*alone.mutable_images(), {"r.io/alone:1"});
  return list;
}

std::pair<const std::string, Release> Deployed(const std::string& name, const std::string& chart) {
  return {name, {.name = name, .ns = "ns", .chart = chart, .status = "deployed", .revision = 3}};
}

PruneFacts Facts(std::set<std::string> used = {}) {
  return {.releases = {Deployed("ns/runs", "runs-2.0.0")}, .used_images = std::move(used)};
}

PrunePlan PlanOf(const PruneFacts& facts, const PruneQuery& query = {}) {
  return *PlanPrune(ThreeEntries(), facts, query);
}

std::vector<std::string> EntryNames(const v1::Desired& list) {
  std::vector<std::string> names;
  for (const v1::DesiredRelease& entry : list.releases()) names.push_back(entry.name());
  return names;
}

std::vector<std::string> Names(const std::map<std::string, std::string>& removals) {
  std::vector<std::string> names;
  for (const auto& [name, digest] : removals) names.push_back(name);
  return names;
}

TEST(PlanPruneTest, OnlyReleasesThatAreGoneGo) {
  const PrunePlan plan = PlanOf(Facts());
  EXPECT_THAT(EntryNames(plan.list), ElementsAre("ns/runs", "alone"));
  EXPECT_EQ(plan.list.generation(), 5u);
  EXPECT_THAT(Names(plan.removals), ElementsAre("mirror.io/gone:2", "r.io/gone:1", "r.io/gone:2"));
  ASSERT_THAT(plan.entries, SizeIs(1));
  EXPECT_EQ(plan.entries[0].name, "ns/gone");
  EXPECT_THAT(plan.charts_alone, ElementsAre("alone"));
}

TEST(PlanPruneTest, WhatIsNeededAgainMeanwhileStaysOnTheNodes) {
  const v1::Desired before = ThreeEntries();
  const PrunePlan plan = PlanOf(Facts());
  const auto left = [&](const v1::Desired& published, const PruneFacts& facts) {
    return Names(StillUnneeded(plan, before, published, facts, {}));
  };
  EXPECT_THAT(left(plan.list, Facts()), SizeIs(3));
  EXPECT_THAT(left(plan.list, Facts({"r.io/gone:2"})),
              ElementsAre("mirror.io/gone:2", "r.io/gone:1"));
  PruneFacts back = Facts();
  back.releases.insert(Deployed("ns/gone", "gone-1.0.0"));
  EXPECT_THAT(left(plan.list, back), IsEmpty());
  v1::Desired published = plan.list;  // another run has loaded one of them
  v1::DesiredRelease& loaded = *published.add_releases();
  Add(*loaded.mutable_images(), {"r.io/gone:1"});
  EXPECT_THAT(left(published, Facts()), ElementsAre("mirror.io/gone:2", "r.io/gone:2"));
}

TEST(PlanPruneTest, WhatAPodUsesStaysOnTheNodesAndInTheList) {
  const PrunePlan plan = PlanOf(Facts({"r.io/gone:2", "r.io/other:1"}));
  EXPECT_THAT(Names(plan.removals), ElementsAre("mirror.io/gone:2", "r.io/gone:1"));
  ASSERT_THAT(EntryNames(plan.list), ElementsAre("ns/runs", "ns/gone", "alone"));
  ASSERT_THAT(plan.list.releases(1).images(), SizeIs(1));
  EXPECT_THAT(plan.list.releases(1).images(0).names(), ElementsAre("r.io/gone:2"));
  EXPECT_THAT(plan.list.releases(1).previous_images(), IsEmpty());
  EXPECT_THAT(plan.entries[0].in_use, ElementsAre("r.io/gone:2"));
}

TEST(PlanPruneTest, NothingThatGoesLeavesTheListAsItIs) {
  const PruneFacts facts = {
      .releases = {Deployed("ns/runs", "runs-2.0.0"), Deployed("ns/gone", "gone-1.0.0")},
      .used_images = {}};
  const PrunePlan plan = PlanOf(facts);
  EXPECT_EQ(plan.list.SerializeAsString(), ThreeEntries().SerializeAsString());
  EXPECT_THAT(plan.removals, IsEmpty());
  EXPECT_THAT(plan.entries, IsEmpty());
}

TEST(PlanPruneTest, WhatIsKeptForARollbackGoesOnDemandOnly) {
  EXPECT_THAT(Names(PlanOf(Facts()).removals), Not(::testing::Contains("r.io/runs:1")));
  const PrunePlan plan = PlanOf(Facts(), {.charts = {}, .previous = true});
  EXPECT_THAT(Names(plan.removals), ::testing::Contains("r.io/runs:1"));
  EXPECT_THAT(plan.list.releases(0).images(), SizeIs(1));
  EXPECT_THAT(plan.list.releases(0).previous_images(), IsEmpty());
  EXPECT_THAT(Names(PlanOf(Facts({"r.io/runs:1"}), {.charts = {}, .previous = true}).removals),
              Not(::testing::Contains("r.io/runs:1")));
}

// Loaded ahead of the upgrade, or the upgrade failed: the release runs, or goes back to, what was
// there before.
TEST(PlanPruneTest, WhatAReleaseMayStillRunStaysAlthoughAskedFor) {
  const PruneQuery query = {.charts = {}, .previous = true};
  const auto expect_kept = [&](const Release& release) {
    PruneFacts facts = Facts();
    facts.releases["ns/runs"] = release;
    const PrunePlan plan = PlanOf(facts, query);
    EXPECT_THAT(Names(plan.removals), Not(::testing::Contains("r.io/runs:1")));
    EXPECT_THAT(plan.previous_kept, ElementsAre("ns/runs"));
  };
  Release release = Facts().releases.at("ns/runs");
  EXPECT_THAT(PlanOf(Facts(), query).previous_kept, IsEmpty());
  release.revision = 2;
  expect_kept(release);
  release = {.name = "runs", .ns = "ns", .chart = "runs-2.0.0", .status = "failed", .revision = 3};
  expect_kept(release);
  release = {
      .name = "runs", .ns = "ns", .chart = "runs-1.0.0", .status = "deployed", .revision = 4};
  expect_kept(release);
}

TEST(PlanPruneTest, AListThatDoesNotTellWhatRunsKeepsBoth) {
  const auto kept = [](const std::string& previous_version, int revision) {
    v1::Desired list = ThreeEntries();
    list.mutable_releases(0)->set_previous_chart_version(previous_version);
    list.mutable_releases(0)->set_revision(revision);
    return PlanPrune(list, Facts(), {.charts = {}, .previous = true})->previous_kept;
  };
  EXPECT_THAT(kept("1.0.0", 2), IsEmpty());
  EXPECT_THAT(kept("2.0.0", 2), SizeIs(1)) << "of one version, under another registry";
  EXPECT_THAT(kept("1.0.0", 0), SizeIs(1)) << "written by an older lighter";
}

TEST(PlanPruneTest, WhatAReleaseWasInstalledFromStaysAlthoughItsChartIsNamed) {
  PruneFacts facts = Facts();
  facts.releases.insert(Deployed("ns/mine", "alone-1.0.0"));
  const absl::Status refused =
      PlanPrune(ThreeEntries(), facts, {.charts = {"alone"}, .previous = false}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(Message(refused), HasSubstr("release ns/mine may have been installed from"));
  facts.releases.erase("ns/mine");
  facts.releases.insert(Deployed("ns/other", "alone-fork-1.0.0"));
  EXPECT_TRUE(PlanPrune(ThreeEntries(), facts, {.charts = {"alone"}, .previous = false}).ok());
}

TEST(PlanPruneTest, AChartAloneGoesWhenItIsNamed) {
  const PrunePlan plan = PlanOf(Facts(), {.charts = {"alone"}, .previous = false});
  EXPECT_THAT(EntryNames(plan.list), ElementsAre("ns/runs"));
  EXPECT_THAT(Names(plan.removals), ::testing::Contains("r.io/alone:1"));
  EXPECT_THAT(plan.charts_alone, IsEmpty());
  for (const char* unknown : {"ns/runs", "other"}) {
    const auto refused = PlanPrune(ThreeEntries(), Facts(), {.charts = {unknown}});
    EXPECT_TRUE(absl::IsNotFound(refused.status()));
    EXPECT_THAT(Message(refused.status()), HasSubstr("it is for alone"));
  }
}

TEST(PruneReportTest, APlanSaysThatNothingWasChanged) {
  PruneReport report;
  report.plan = PlanOf(Facts({"r.io/gone:2"}));
  const std::string text = DescribePrune(report);
  EXPECT_THAT(text, HasSubstr("ns/gone: the release is not in the cluster any more\n"
                              "  r.io/gone:2 stays: a pod uses it\n"));
  EXPECT_THAT(text, HasSubstr("stay unless they are named: alone\n"));
  EXPECT_THAT(text, HasSubstr("  r.io/gone:1\nNothing was changed; the same command with --yes"));
  EXPECT_EQ(PruneToJson(report)["applied"], false);
}

TEST(PruneReportTest, WhereNothingGoesItDoesNotAskForYes) {
  PruneReport report;
  report.generation = 4;
  report.plan = *PlanPrune(
      ThreeEntries(),
      {.releases = {Deployed("ns/runs", "runs-2.0.0"), Deployed("ns/gone", "gone-1.0.0")}}, {});
  EXPECT_THAT(DescribePrune(report), HasSubstr("Nothing to remove.\n"));
  EXPECT_THAT(DescribePrune(report), Not(HasSubstr("--yes")));
}

TEST(PruneReportTest, TellsEachNodesAnswer) {
  PruneReport report;
  report.plan = PlanOf(Facts());
  report.applied = true;
  report.generation = 5;
  report.nodes = {{.node = "node1", .removed = {"r.io/gone:1"}},
                  {.node = "node2", .refused = {{"r.io/gone:1", "not lighter's"}}},
                  {.node = "node3", .status = absl::UnavailableError("its agent is not ready")}};
  const std::string text = DescribePrune(report);
  EXPECT_THAT(text, HasSubstr("(desired list number 5): 3 names\n"));
  EXPECT_THAT(text, HasSubstr("  node1: 1 name removed\n"));
  EXPECT_THAT(text,
              HasSubstr("  node2: 0 names removed, these not:\n    r.io/gone:1: not lighter's"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "  node3: its agent is not ready; the names stay there: `ctr -n k8s.io images rm`"));
  EXPECT_FALSE(report.Complete());
  EXPECT_EQ(PruneToJson(report)["nodes"][1]["refused"][0]["cause"], "not lighter's");
}

TEST(ParseUsedImagesTest, EveryContainerOfEveryPodCountsUnderItsWholeName) {
  const auto images = ParseUsedImages(R"({"kind": "List", "items": [
    {"spec": {"initContainers": [{"image": "busybox"}], "containers": [{"image": "r.io/a:1"}],
              "ephemeralContainers": [{"image": "r.io/debug:2"}]},
     "status": {"phase": "Succeeded"}},
    {"spec": {"containers": [{"image": "Not A Name"}, {"image": "r.io/a:1"}]}}]})");
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_THAT(*images, ElementsAre("docker.io/library/busybox:latest", "r.io/a:1", "r.io/debug:2"));
  EXPECT_FALSE(ParseUsedImages("{}").ok());
}

}  // namespace
}  // namespace lighter
