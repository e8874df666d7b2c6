#include "coordinator/plan/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string CheckWords(const PlanFacts& then, const PlanFacts& now) {
  return Message(CheckFacts(then, now, "the plan in p.json"));
}

TEST(PlanFactsTest, WhatIsTheSameHolds) {
  EXPECT_TRUE(CheckFacts({{"node a", "takes part"}}, {{"node a", "takes part"}}, "p").ok());
}

TEST(PlanFactsTest, EachDifferenceIsToldInWords) {
  const std::string words = CheckWords({{"release web (namespace harbor)", "revision 3, deployed"},
                                        {"values of release web", "sha256:aa"},
                                        {"node a", "takes part"},
                                        {"node b", "takes part"}},
                                       {{"release web (namespace harbor)", "revision 4, failed"},
                                        {"values of release web", "sha256:bb"},
                                        {"node b", "takes part"},
                                        {"node c", "takes part"}});
  EXPECT_THAT(words, HasSubstr("the plan in p.json does not hold any more:\n"
                               "  node a: no longer there\n"
                               "  release web (namespace harbor): was revision 3, deployed, is "
                               "revision 4, failed\n"
                               "  values of release web: changed\n"
                               "  node c: new\n"));
  EXPECT_THAT(words, HasSubstr("lighter plan"));
}

TEST(PlanFactsTest, ManyDifferencesAreCounted) {
  PlanFacts then;
  for (int i = 0; i < 40; ++i) then[absl::StrCat("image ", i)] = "sha256:aa";
  EXPECT_THAT(CheckWords(then, {{"cluster", "x"}}), HasSubstr("\n  and 29 more\n"));
}

TEST(PlanFactsTest, ForeignWordsKeepToTheirLine) {
  EXPECT_THAT(CheckWords({{"image a\nAll is well", "sha256:aa"}}, {{"cluster", "x"}}),
              Not(HasSubstr("\nAll is well")));
}

class PlanFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(folder_.ok()) << folder_.status();
    std::ofstream(dir_.File("kubectl")) << "#!/bin/sh\nprintf cluster-1\n";
    std::filesystem::permissions(dir_.File("kubectl"), std::filesystem::perms::owner_all);
    plan_ = MakePlan("replicas: 1\n", "content");
  }

  // A plan of a package with one chart and one image.
  Plan MakePlan(const std::string& values, const std::string& content) {
    const support::Image image =
        support::MakeImage({"r.io/web:2"}, {support::MakeLayer({support::File("data", content)})});
    const std::string path = dir_.File(absl::StrCat("p", ++packages_, ".tar"));
    EXPECT_TRUE(support::PackageTar(
                    {{"web.bundle.tar",
                      support::BundleTar({.hints = "",
                                          .chart = {{"Chart.yaml", "name: web\nversion: 2.0.0\n"},
                                                    {"values.yaml", values}},
                                          .images_tar = support::ImagesTar({image})})}})
                    .WriteTo(path)
                    .ok());
    Plan plan;
    auto package = OpenPackage(path);
    EXPECT_TRUE(package.ok()) << package.status();
    plan.package = *std::move(package);
    PlannedBundle& planned = plan.releases.bundles.emplace_back();
    planned.release = {.name = "web", .ns = "harbor", .chart = "web-1.0.0", .status = "deployed"};
    planned.release.revision = 3;
    planned.names.targets.push_back(
        {.image = 0, .source_name = "r.io/web:2", .name = "r.io/web:2"});
    plan.nodes.nodes.emplace_back().name = "node1";
    plan.nodes.left_out.push_back({"node2", "the node is not Ready"});
    return plan;
  }

  absl::StatusOr<PlanFacts> Facts(const Plan& plan) const { return TakeFacts(plan, "cluster-1"); }

  absl::Status Write(const PlanOptions& options) {
    PlanOptions with_kubectl = options;
    with_kubectl.kubectl.binary = dir_.File("kubectl");
    const PlanMaker maker(with_kubectl, *folder_);
    return WritePlanFile(dir_.File("plan.json"), options, maker, plan_);
  }

  absl::Status Read(PlanOptions& options) { return ReadPlanFile(dir_.File("plan.json"), options); }

  // The error of a plan file in which `what` became `other`.
  std::string ErrorOf(const std::string& what, const std::string& other) {
    EXPECT_TRUE(Write({.package = "p.tar"}).ok());
    std::string text = *ReadFile(dir_.File("plan.json"), 1 << 20);
    const size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << text;
    text.replace(at, what.size(), other);
    std::ofstream(dir_.File("plan.json")) << text;
    PlanOptions options;
    const absl::Status read = Read(options);
    EXPECT_TRUE(IsUsageError(read)) << read;
    return Message(read);
  }

  support::TempDir dir_;
  const absl::StatusOr<RunFolder> folder_ = RunFolder::Temporary();
  int packages_ = 0;
  Plan plan_;
};

TEST_F(PlanFileTest, TheFactsAreThoseThatThePlanRestsOn) {
  const auto facts = Facts(plan_);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->at("cluster"), "cluster-1");
  EXPECT_EQ(facts->at("bundle web.bundle.tar"),
            "chart web 2.0.0 for release web (namespace harbor)");
  EXPECT_EQ(facts->at("release web (namespace harbor)"), "revision 3, deployed");
  EXPECT_EQ(facts->at("node node1"), "takes part");
  EXPECT_EQ(facts->at("node node2"), "left out");
  EXPECT_THAT(facts->at("image r.io/web:2"), HasSubstr("sha256:"));
  EXPECT_EQ(facts->at("nodes of image r.io/web:2"), "every node");
}

TEST_F(PlanFileTest, ANodeWhoseLabelsMoveAnImageIsTold) {
  const auto facts = Facts(plan_);
  const std::string digest = plan_.package.bundles[0].images.images[0].manifest_digest.str();
  plan_.nodes.nodes.emplace_back().name = "node3";
  plan_.placement.images[digest].spared = {"node1"};
  Apply(plan_.placement, plan_.nodes);
  const auto moved = Facts(plan_);
  ASSERT_TRUE(facts.ok() && moved.ok());
  EXPECT_THAT(CheckWords(*facts, *moved),
              HasSubstr("nodes of image r.io/web:2: was every node, is node3"));
}

TEST_F(PlanFileTest, APackageIsKnownByWhatIsInIt) {
  const auto facts = Facts(plan_);
  const auto elsewhere = Facts(MakePlan("replicas: 1\n", "content"));
  const auto other_chart = Facts(MakePlan("replicas: 2\n", "content"));
  const auto other_image = Facts(MakePlan("replicas: 1\n", "other"));
  ASSERT_TRUE(facts.ok() && elsewhere.ok() && other_chart.ok() && other_image.ok());
  EXPECT_EQ(*elsewhere, *facts);
  EXPECT_THAT(CheckWords(*facts, *other_chart),
              HasSubstr("contents of bundle web.bundle.tar: changed"));
  EXPECT_THAT(CheckWords(*facts, *other_image),
              AllOf(HasSubstr("contents of bundle web.bundle.tar: changed"),
                    HasSubstr("image r.io/web:2: changed")));
}

TEST_F(PlanFileTest, TheQuestionComesBackWithPathsThatHoldAnywhere) {
  PlanOptions options = {.package = "p.tar", .allow_pull = {"r.io/a:1"}, .place = {"web=gpu=true"}};
  options.query.allow_missing = {"m"};
  options.query.allow_registries = {"s.io"};
  options.query.release = "web";
  options.query.ns = "harbor";
  options.query.install = true;
  options.query.relocation = {.registry = "r",
                              .repository = "x/y",
                              .prefix_registry = "q",
                              .prefix_repository = "z",
                              .append_origin_registry = true};
  options.query.values = {"-f",      "a.yaml,/b.yaml", "--set",
                          "a=b,c=d", "--set-file",     "k=cert.pem,l=/k.pem"};
  ASSERT_TRUE(Write(options).ok());
  struct stat info = {};
  ASSERT_EQ(::stat(dir_.File("plan.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  PlanOptions read;
  const absl::Status status = Read(read);
  ASSERT_TRUE(status.ok()) << status;
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(read.package, here + "/p.tar");
  EXPECT_THAT(read.query.values, ElementsAre("-f", here + "/a.yaml,/b.yaml", "--set", "a=b,c=d",
                                             "--set-file", "k=" + here + "/cert.pem,l=/k.pem"));
  EXPECT_EQ(read.query.release, "web");
  EXPECT_EQ(read.query.ns, "harbor");
  EXPECT_TRUE(read.query.install);
  EXPECT_EQ(read.query.relocation.registry, "r");
  EXPECT_EQ(read.query.relocation.repository, "x/y");
  EXPECT_EQ(read.query.relocation.prefix_registry, "q");
  EXPECT_EQ(read.query.relocation.prefix_repository, "z");
  EXPECT_TRUE(read.query.relocation.append_origin_registry);
  EXPECT_THAT(read.query.allow_missing, ElementsAre("m"));
  EXPECT_THAT(read.query.allow_registries, ElementsAre("s.io"));
  EXPECT_THAT(read.allow_pull, ElementsAre("r.io/a:1"));
  EXPECT_THAT(read.place, ElementsAre("web=gpu=true"));
  EXPECT_EQ(read.approved->facts, *Facts(plan_));
}

TEST_F(PlanFileTest, APackageThatLiesElsewhereNowCanBeGiven) {
  ASSERT_TRUE(Write({.package = "p.tar"}).ok());
  PlanOptions options = {.package = "/mnt/p.tar"};
  ASSERT_TRUE(Read(options).ok());
  EXPECT_EQ(options.package, "/mnt/p.tar");
}

TEST_F(PlanFileTest, ValuesThatCannotBeReadAgainAreRefused) {
  for (const char* file : {"-", "https://r.io/values.yaml", "a.yaml,-"}) {
    PlanOptions options = {.package = "p.tar"};
    options.query.values = {"-f", file};
    const absl::Status status = Write(options);
    EXPECT_TRUE(IsUsageError(status)) << file;
    EXPECT_THAT(Message(status), HasSubstr("save it to a file"));
  }
}

TEST_F(PlanFileTest, WhatIsNoPlanIsRefused) {
  PlanOptions options;
  EXPECT_TRUE(IsUsageError(ReadPlanFile(dir_.File("none.json"), options)));
  std::ofstream(dir_.File("plan.json")) << "{";
  EXPECT_TRUE(IsUsageError(Read(options)));
  EXPECT_THAT(ErrorOf("ApprovedPlan", "Plan"), HasSubstr("no plan of `lighter plan --out`"));
  EXPECT_THAT(ErrorOf("lighter/v1", "lighter/v2"), HasSubstr("no plan of `lighter plan --out`"));
  EXPECT_THAT(ErrorOf("\"install\": false", "\"install\": 1"), HasSubstr("\"install\" is missing"));
  EXPECT_THAT(ErrorOf("\"values\": []", "\"values\": [1]"), HasSubstr("\"values\" is missing"));
  EXPECT_THAT(ErrorOf("\"facts\"", "\"fact\""), HasSubstr("\"facts\" is missing"));
}

TEST_F(PlanFileTest, OnlyFlagsForValuesReachHelm) {
  EXPECT_THAT(ErrorOf("\"values\": []", "\"values\": [\"--post-renderer\", \"/bin/sh\"]"),
              HasSubstr("no list of helm's value flags"));
  EXPECT_THAT(ErrorOf("\"values\": []", "\"values\": [\"--set\"]"),
              HasSubstr("no list of helm's value flags"));
}

}  // namespace
}  // namespace lighter
