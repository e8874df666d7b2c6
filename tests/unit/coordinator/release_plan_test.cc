#include "coordinator/plan/release_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A helm whose `list` is a file beside it, as are what runs and what charts render to, nothing at
// first; they have no values.
constexpr char kHelm[] = R"(#!/bin/sh
case "$1 $2" in
  version*) echo v4.0.0 ;;
  list*) cat "$(dirname "$0")/releases.json" ;;
  history*) cat "$(dirname "$0")/history.json" ;;
  get\ all) printf 'web\n1.0.0\n'; cat "$(dirname "$0")/running.yaml" ;;
  get*) echo "args: $*" ;;
  template*) echo 'lighterValues: e30=' ;;
  upgrade*|install*) echo "$@" >> "$(dirname "$0")/rendered"; cat "$(dirname "$0")/upgrade.json" ;;
esac
)";

// A package with the charts "web" and "db".
class ReleasePlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::pair<std::string, support::Rope>> files;
    for (const std::string chart : {"web", "db"}) {
      const support::Image image =
          support::MakeImage({absl::StrCat("r.io/", chart, ":2")},
                             {support::MakeLayer({support::File("data", chart)})});
      files.emplace_back(
          chart + ".bundle.tar",
          support::BundleTar({.hints = "",
                              .chart = {{"Chart.yaml", "name: " + chart + "\nversion: 2.0.0\n"}},
                              .images_tar = support::ImagesTar({image})}));
    }
    ASSERT_TRUE(support::PackageTar(files).WriteTo(dir_.File("p.tar")).ok());
    std::ofstream(dir_.File("helm")) << kHelm;
    std::filesystem::permissions(dir_.File("helm"), std::filesystem::perms::owner_all);
    Installed({});
    std::ofstream(dir_.File("running.yaml")) << "---\n";
    Renders("");
  }

  // That every upgrade and installation renders these manifests, and these of a hook.
  void Renders(const std::string& manifests, const std::string& hook = "") {
    const nlohmann::json hooks = {{{"manifest", hook}}};
    std::ofstream(dir_.File("upgrade.json"))
        << nlohmann::json({{"manifest", manifests}, {"hooks", hooks}});
  }

  // That release web failed at its last of these revisions.
  void WebFailed(const std::string& history) {
    std::ofstream(dir_.File("releases.json"))
        << R"([{"name":"web","namespace":"harbor","chart":"web-1.0.0","status":"failed","revision":"4"}])";
    std::ofstream(dir_.File("history.json")) << history;
  }

  // What `helm list` says: pairs of release and namespace; the chart is that of the release's name.
  void Installed(const std::vector<std::pair<std::string, std::string>>& releases) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& [name, ns] : releases) {
      list.push_back({{"name", name},
                      {"namespace", ns},
                      {"chart", name.substr(0, name.find('-')) + "-1.0.0"},
                      {"status", "deployed"},
                      {"revision", "1"}});
    }
    std::ofstream(dir_.File("releases.json")) << list;
  }

  absl::StatusOr<ReleasePlan> Make(const ReleaseQuery& query) {
    ASSIGN_OR_RETURN(package_, OpenPackage(dir_.File("p.tar")));
    ASSIGN_OR_RETURN(const Helm helm, Helm::Find({.binary = dir_.File("helm")}));
    return PlanReleases(package_, query, &helm, absl::StrCat(dir_.path(), "/run", ++runs_));
  }

  // "web -> web (harbor)" of each planned bundle, "db -> none" where it has no release.
  std::vector<std::string> Planned(const absl::StatusOr<ReleasePlan>& plan) const {
    if (!plan.ok()) return {plan.status().ToString()};
    std::vector<std::string> planned;
    for (const PlannedBundle& bundle : plan->bundles) {
      const Release& release = bundle.release;
      planned.push_back(absl::StrCat(
          package_.bundles[bundle.bundle].chart_name, " -> ",
          release.name.empty() ? "none" : absl::StrCat(release.name, " (", release.ns, ")")));
    }
    return planned;
  }

  support::TempDir dir_;
  Package package_;
  int runs_ = 0;
};

TEST_F(ReleasePlanTest, ALoadTakesEveryBundleWhenNothingIsNamed) {
  EXPECT_THAT(Planned(Make({.without_release = true})), ElementsAre("web -> none", "db -> none"));
  Installed({{"web", "harbor"}});
  EXPECT_THAT(Planned(Make({.without_release = true})),
              ElementsAre("web -> web (harbor)", "db -> none"));
}

TEST_F(ReleasePlanTest, ALoadOfOneReleaseTakesItsBundleAlone) {
  Installed({{"web", "harbor"}});
  const auto plan = Make({.release = "web", .without_release = true});
  EXPECT_THAT(Planned(plan), ElementsAre("web -> web (harbor)"));
  ASSERT_EQ(plan->skipped.size(), 1u);
  EXPECT_THAT(plan->skipped[0].cause, HasSubstr("no release of chart db"));

  Installed({{"web", "harbor"}, {"web-two", "other"}});
  EXPECT_THAT(Planned(Make({.release = "web-two", .without_release = true})),
              ElementsAre("web -> web-two (other)"));
}

TEST_F(ReleasePlanTest, ALoadOfANamespaceLeavesReleasesOfOthersAlone) {
  Installed({{"web", "harbor"}, {"db", "other"}});
  const auto plan = Make({.ns = "harbor", .without_release = true});
  EXPECT_THAT(Planned(plan), ElementsAre("web -> web (harbor)"));
  ASSERT_EQ(plan->skipped.size(), 1u);
  EXPECT_THAT(plan->skipped[0].cause,
              HasSubstr("in namespace harbor; it has db (namespace other)"));
  EXPECT_THAT(Planned(Make({.ns = "harbour", .without_release = true})), IsEmpty());
}

TEST_F(ReleasePlanTest, ALoadForAFirstInstallationIntoANamespace) {
  EXPECT_THAT(Planned(Make({.ns = "harbor", .without_release = true})),
              ElementsAre("web -> none", "db -> none"));
  Installed({{"web", "harbor"}});
  EXPECT_THAT(Planned(Make({.ns = "harbor", .without_release = true})),
              ElementsAre("web -> web (harbor)", "db -> none"));
}

TEST_F(ReleasePlanTest, AReleaseThatIsNotThereIsNotFound) {
  Installed({{"web", "harbor"}});
  const absl::Status status = Make({.release = "wbe", .without_release = true}).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("no release named wbe"));
}

TEST_F(ReleasePlanTest, WhatHasNoReleaseIsInstalledOnDemand) {
  Installed({{"web", "harbor"}});
  const auto plan = Make({.ns = "harbor", .install = true});
  EXPECT_THAT(Planned(plan), ElementsAre("web -> web (harbor)", "db -> db (harbor)"));
  EXPECT_EQ(plan->bundles[0].release.revision, 1);
  EXPECT_EQ(plan->bundles[1].release.revision, 0);
  EXPECT_EQ(plan->bundles[1].values_backup, "") << "there is nothing to back up";
  const std::string rendered = ReadFile(dir_.File("rendered"), 10'000).value();
  EXPECT_THAT(rendered, HasSubstr("upgrade web "));
  EXPECT_THAT(rendered, HasSubstr("install db "));
  EXPECT_THAT(rendered, HasSubstr("-n harbor --create-namespace"));
}

TEST_F(ReleasePlanTest, WhatIsInstalledGetsTheNameThatIsGiven) {
  Installed({{"web", "harbor"}});
  EXPECT_THAT(Planned(Make({.release = "mine", .ns = "new", .install = true})),
              ElementsAre("db -> mine (new)"));
  EXPECT_THAT(Planned(Make({.release = "web", .ns = "harbor", .install = true})),
              ElementsAre("web -> web (harbor)"))
      << "a release of that name is meant, and nothing else";
  // A chart that has a release elsewhere gets no second one.
  EXPECT_THAT(Planned(Make({.ns = "new", .install = true})), ElementsAre("db -> db (new)"));
  Installed({});
  const absl::Status two = Make({.release = "mine", .ns = "new", .install = true}).status();
  EXPECT_TRUE(IsUsageError(two)) << two;
  EXPECT_THAT(Message(two), HasSubstr("2 bundles"));
}

TEST_F(ReleasePlanTest, AnUpgradeSkipsBundlesWithoutARelease) {
  Installed({{"web", "harbor"}});
  EXPECT_THAT(Planned(Make({})), ElementsAre("web -> web (harbor)"));
  EXPECT_THAT(Message(Make({.ns = "other"}).status()), HasSubstr("no release in namespace other"));
}

TEST_F(ReleasePlanTest, WhatAFailedUpgradeSetDoesNotComeBackByItself) {
  WebFailed(R"([{"revision":2,"status":"superseded"},{"revision":3,"status":"deployed"},
                {"revision":4,"status":"failed"}])");
  const auto plan = Make({});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(ReadFile(plan->bundles[0].values_backup, 1 << 20).value(),
            "args: get values web -n harbor -o yaml --revision 3\n");
  EXPECT_THAT(plan->bundles[0].names.notes,
              ElementsAre(HasSubstr("values are taken from revision 3")));
}

TEST_F(ReleasePlanTest, AReleaseThatNeverWasDeployedHasTheValuesOfItsLastRevision) {
  WebFailed(R"([{"revision":4,"status":"failed"}])");
  const auto plan = Make({});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(ReadFile(plan->bundles[0].values_backup, 1 << 20).value(),
            "args: get values web -n harbor -o yaml\n");
  EXPECT_THAT(plan->bundles[0].names.notes, IsEmpty());
}

std::string Pod(const std::string& image, const std::string& events = "") {
  const std::string hook =
      events.empty() ? "" : absl::StrCat(", annotations: {helm.sh/hook: ", events, "}");
  return absl::StrCat("---\nkind: Pod\nmetadata: {name: web", hook,
                      "}\nspec: {containers: [{image: '", image, "'}]}\n");
}

// What is said of the names of release web: "code: name" of those that block, then the notes.
class RegistryChangeTest : public ReleasePlanTest {
 protected:
  void SetUp() override {
    ReleasePlanTest::SetUp();
    Installed({{"web", "harbor"}});
    std::ofstream(dir_.File("running.yaml")) << Pod("10.16.10.111/r.io/web:1");
    Renders(Pod("r.io/web:2"));
  }

  std::vector<std::string> Changes(const ReleaseQuery& query) {
    const auto plan = Make(query);
    if (!plan.ok()) return {plan.status().ToString()};
    std::vector<std::string> lines = plan->bundles[0].names.notes;
    for (const RegistryChange& change : plan->bundles[0].registry_changes) {
      lines.push_back(absl::StrCat(change.from, " -> ", change.to));
    }
    return lines;
  }
};

TEST_F(RegistryChangeTest, ThatNobodyAskedForIsFound) {
  EXPECT_THAT(Changes({}), ElementsAre("10.16.10.111/r.io -> r.io"));
  ReleaseQuery query;
  query.values = {"--set", "other=myr.io,b=r.io.example.com,c=r.io:5000"};
  EXPECT_THAT(Changes(query), ElementsAre("10.16.10.111/r.io -> r.io"))
      << "a part of another registry's name is no consent";
}

TEST_F(RegistryChangeTest, ThatWasAskedForIsANote) {
  const auto as_asked = ElementsAre(
      "1 image of the release comes from r.io from now on, no longer from 10.16.10.111/r.io, as "
      "asked");
  ReleaseQuery query;
  query.values = {"--set", "global.imageRegistry=r.io"};
  EXPECT_THAT(Changes(query), as_asked);
  std::ofstream(dir_.File("v.yaml")) << "image: {registry: \"r.io\"}";
  query.values = {"-f", dir_.File("v.yaml")};
  EXPECT_THAT(Changes(query), as_asked);
  query.values = {};
  query.relocation.registry = "r.io";
  EXPECT_THAT(Changes(query), ::testing::Contains(HasSubstr(", as asked")));
  query.relocation = {};
  query.allow_registries = {"r.io"};
  EXPECT_THAT(Changes(query), ElementsAre(HasSubstr("(allowed)")));
}

TEST_F(RegistryChangeTest, OfAFailedReleaseCountsWhatRanLast) {
  WebFailed(R"([{"revision":3,"status":"deployed"},{"revision":4,"status":"failed"}])");
  EXPECT_THAT(Changes({}), ElementsAre(HasSubstr("values are taken from revision 3"),
                                       "10.16.10.111/r.io -> r.io"));
}

TEST_F(RegistryChangeTest, WhatRunsMayBeUnreadable) {
  std::filesystem::remove(dir_.File("running.yaml"));
  EXPECT_THAT(Changes({}), ElementsAre(HasSubstr("from another registry than now is not known")));
}

TEST_F(ReleasePlanTest, ImagesThatThePackageLacksAreSortedByWhoStartsThem) {
  Installed({{"web", "harbor"}});
  Renders(Pod("r.io/web:2") + Pod("r.io/gone:1") + Pod("r.io/known:1"), Pod("r.io/tester", "test"));
  ReleaseQuery query;
  query.allow_missing = {"r.io/known:1"};
  const auto plan = Make(query);
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> lines;
  for (const UncoveredImage& image : plan->bundles[0].uncovered) {
    lines.push_back(absl::StrCat(image.name, ": ", image.user.object, " ", image.user.words,
                                 image.is_allowed ? " (allowed)" : ""));
  }
  EXPECT_THAT(lines, ElementsAre("r.io/gone:1: Pod web starts it",
                                 "r.io/known:1: Pod web starts it (allowed)",
                                 "r.io/tester: Pod web starts it in `helm test` alone"));
  EXPECT_FALSE(plan->bundles[0].pulls.contains("r.io/tester:latest"));

  Renders("", Pod("r.io/web:2", "test"));
  const auto covered = Make({});
  ASSERT_TRUE(covered.ok()) << covered.status();
  EXPECT_THAT(covered->bundles[0].uncovered, IsEmpty()) << "the package has what the test needs";
}

TEST_F(ReleasePlanTest, ValuesFilesAreReadOnce) {
  Installed({{"web", "harbor"}});
  std::ofstream(dir_.File("a.yaml")) << "a: 1";
  std::ofstream(dir_.File("b.pem")) << "b";
  ReleaseQuery query;
  query.values = {"-f", dir_.File("a.yaml"), "--set-file", "k=" + dir_.File("b.pem")};
  const auto plan = Make(query);
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::ofstream(dir_.File("a.yaml")) << "a: 2";
  const ValueArgs& values = plan->bundles[0].values;
  ASSERT_EQ(values.size(), 6u);
  EXPECT_EQ(ReadFile(values[3], 1 << 20).value(), "a: 1");
  ASSERT_TRUE(values[5].starts_with("k=")) << values[5];
  EXPECT_EQ(ReadFile(values[5].substr(2), 1 << 20).value(), "b");
}

TEST_F(ReleasePlanTest, ValuesThatCannotBeReadAreAnErrorOfTheCommandLine) {
  for (const std::string& file :
       {std::string("-"), std::string("https://r.io/v.yaml"), dir_.File("none")}) {
    ReleaseQuery query;
    query.values = {"-f", file};
    const absl::Status status = Make(query).status();
    EXPECT_TRUE(IsUsageError(status)) << file << ": " << status;
    EXPECT_THAT(Message(status), HasSubstr(file));
  }
}

TEST_F(ReleasePlanTest, TheOrderCanBeSet) {
  Installed({{"web", "harbor"}, {"db", "harbor"}});
  EXPECT_THAT(Planned(Make({})), ElementsAre("web -> web (harbor)", "db -> db (harbor)"));
  EXPECT_THAT(Planned(Make({.order = {"db"}})),
              ElementsAre("db -> db (harbor)", "web -> web (harbor)"));
  EXPECT_THAT(Planned(Make({.order = {"web", "db"}})),
              ElementsAre("web -> web (harbor)", "db -> db (harbor)"));
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"dbb"}, std::vector<std::string>{"db", "db"}}) {
    const absl::Status status = Make({.order = wrong}).status();
    EXPECT_TRUE(IsUsageError(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr("it has web, db"));
  }
}

}  // namespace
}  // namespace lighter
