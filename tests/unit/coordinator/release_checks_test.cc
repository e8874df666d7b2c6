// What a plan says of its releases beside names: versions, owners, CRDs, nodes that may stay
// unproven.
#include "coordinator/plan/release_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/package/chart_version.h"
#include "coordinator/run/load_run.h"
#include "coordinator/run/publish_load.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(UnprovenAllowanceTest, IsANumberAShareOrNames) {
  const auto allows = [](const char* text, const std::set<std::string>& nodes, size_t of) {
    const auto allowance = UnprovenAllowance::Parse(text);
    return allowance.ok() && allowance->Allows(nodes, of);
  };
  EXPECT_TRUE(allows("1", {"a"}, 3));
  EXPECT_FALSE(allows("1", {"a", "b"}, 3));
  EXPECT_FALSE(allows("0", {"a"}, 3));
  EXPECT_TRUE(allows("10%", {"a"}, 10));
  EXPECT_FALSE(allows("10%", {"a"}, 9)) << "rounded down";
  EXPECT_TRUE(allows("a,b", {"b"}, 3));
  EXPECT_FALSE(allows("a,b", {"b", "c"}, 3));
  EXPECT_TRUE(UnprovenAllowance().Allows({}, 3));
  EXPECT_FALSE(UnprovenAllowance().Allows({"a"}, 3));
  for (const char* wrong : {"", "101%", "-1", "a,", "a b", "%", "99999999999999999999", "A"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(UnprovenAllowance::Parse(wrong).status())) << wrong;
  }
}

TEST(UnprovenAllowanceTest, ANodeThatIsNotThereIsASlip) {
  const auto allowance = UnprovenAllowance::Parse("node3,nodd4");
  ASSERT_TRUE(allowance.ok());
  EXPECT_TRUE(allowance->CheckNames({"node3", "nodd4", "node5"}).ok());
  EXPECT_THAT(Message(allowance->CheckNames({"node3", "node4"})),
              HasSubstr("nodd4 is no node of this cluster; it has node3, node4"));
  EXPECT_TRUE(UnprovenAllowance::Parse("2")->CheckNames({}).ok());
}

TEST(UnprovenAllowanceTest, ALoadSufficesWhereWhatFailedIsAllowed) {
  Plan plan;
  plan.allow_unproven = *UnprovenAllowance::Parse("node3");
  LoadReport report;
  report.nodes = {{"node1", absl::OkStatus(), 0, {}},
                  {"node3", absl::UnavailableError("hangs"), 0, {}}};
  EXPECT_FALSE(report.Suffices());
  AllowUnproven(plan, report);
  EXPECT_TRUE(report.Suffices());
  EXPECT_FALSE(report.AllProven());
  report.nodes[0].status = absl::UnavailableError("hangs, too");
  AllowUnproven(plan, report);
  EXPECT_FALSE(report.Suffices());
  EXPECT_THAT(report.allowed, IsEmpty());
}

TEST(UnprovenAllowanceTest, ANodeWithoutAnAgentIsNobodysPeer) {
  NodeSelection nodes;
  nodes.nodes.push_back({.name = "node1", .agent = "10.0.0.1:7443"});
  nodes.nodes.push_back({.name = "node2", .status = absl::NotFoundError("no agent")});
  DesiredChange change;
  AddPeers(nodes, change);
  ASSERT_THAT(change.peers, SizeIs(1));
  EXPECT_EQ(change.peers[0].node(), "node1");
  EXPECT_THAT(change.other_nodes, ElementsAre("node2"));
}

TEST(ChartVersionTest, FollowsThePrecedenceOfSemVer) {
  const std::vector<std::string> ascending = {"0.8.3",
                                              "v0.9.0",
                                              "0.10.0-alpha",
                                              "0.10.0-alpha.1",
                                              "0.10.0-alpha.beta",
                                              "0.10.0-beta",
                                              "0.10.0-beta.2",
                                              "0.10.0-beta.11",
                                              "0.10.0",
                                              "v1.0",
                                              "99999999999999999999.0.0"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(IsOlderVersion(ascending[i], ascending[j]), i < j)
          << ascending[i] << " " << ascending[j];
    }
  }
  EXPECT_FALSE(IsOlderVersion("1.0.0+a", "1.0.0+b"));
  EXPECT_FALSE(IsOlderVersion("", "1.0.0"));
  EXPECT_FALSE(IsOlderVersion("latest", "1.0.0"));
}

// As `kubectl get -o json` prints them; markers as the controllers write them.
constexpr char kArgo[] = R"({"items": [{"apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "web", "namespace": "harbor",
    "labels": {"app.kubernetes.io/instance": "web"},
    "annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:harbor/web"}}}]})";
constexpr char kCopied[] = R"({"items": [{"apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "web", "namespace": "harbor",
    "labels": {"app.kubernetes.io/instance": "web"},
    "annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:harbor/other"}}}]})";
constexpr char kArgoService[] = R"({"apiVersion": "v1", "kind": "Service",
  "metadata": {"name": "web", "namespace": "harbor",
    "annotations": {"argocd.argoproj.io/tracking-id": "argo_shop:/Service:harbor/web"}}})";
constexpr char kFlux[] = R"({"items": [{"apiVersion": "v1", "kind": "Service",
  "metadata": {"name": "web", "namespace": "harbor",
    "labels": {"helm.toolkit.fluxcd.io/name": "web-release",
               "helm.toolkit.fluxcd.io/namespace": "flux-system"}}}]})";
constexpr char kHelmCharts[] = R"({"items": [
  {"kind": "HelmChart", "metadata": {"name": "web", "namespace": "kube-system"},
   "spec": {"targetNamespace": "harbor", "chart": "web"}},
  {"kind": "HelmChart", "metadata": {"name": "db", "namespace": "harbor"}, "spec": {}}]})";

TEST(OwnersTest, AreKnownByTheirMarks) {
  const auto what = [](const char* objects) {
    const auto owner = OwnerOfObjects(objects);
    return owner.has_value() ? owner->code + " " + owner->what : "";
  };
  EXPECT_EQ(what(kArgo), "N-OWNER-ARGOCD Argo CD (Application shop)");
  EXPECT_EQ(what(kArgoService), "N-OWNER-ARGOCD Argo CD (Application argo_shop)");
  EXPECT_EQ(what(kCopied), "") << "neither a copied annotation nor a chart's own label counts";
  EXPECT_EQ(what(kFlux), "N-OWNER-FLUX Flux (HelmRelease web-release in namespace flux-system)");
  for (const char* none :
       {"", "[]", "{}", R"({"items": 1})", R"({"items": [1, {"metadata": 2}]})"}) {
    EXPECT_EQ(what(none), "") << none;
  }
}

TEST(OwnersTest, AHelmChartOwnsTheReleaseOfItsName) {
  const auto owner = OwnerByHelmCharts(kHelmCharts, "harbor", "web");
  ASSERT_TRUE(owner.has_value());
  EXPECT_THAT(owner->Describe(), HasSubstr("HelmChart web in namespace kube-system"));
  EXPECT_TRUE(OwnerByHelmCharts(kHelmCharts, "harbor", "db").has_value());
  EXPECT_FALSE(OwnerByHelmCharts(kHelmCharts, "kube-system", "web").has_value());
  EXPECT_FALSE(OwnerByHelmCharts(kHelmCharts, "harbor", "other").has_value());
}

constexpr char kLiveCrds[] = R"({"items": [
  {"kind": "CustomResourceDefinition", "metadata": {"name": "a.example.io", "resourceVersion": "1"},
   "spec": {"versions": [{"name": "v1"}]}},
  {"kind": "CustomResourceDefinition", "metadata": {"name": "b.example.io"},
   "spec": {"versions": [{"name": "v1alpha1"}]}}]})";
constexpr char kChartCrds[] = R"({"items": [
  {"kind": "CustomResourceDefinition", "metadata": {"name": "a.example.io", "resourceVersion": "2"},
   "spec": {"versions": [{"name": "v1"}]}},
  {"kind": "CustomResourceDefinition", "metadata": {"name": "b.example.io"},
   "spec": {"versions": [{"name": "v1alpha1"}, {"name": "v1"}]}},
  {"kind": "CustomResourceDefinition", "metadata": {"name": "c.example.io"},
   "spec": {"versions": [{"name": "v2"}]}}]})";

TEST(CrdsTest, ThoseThatDifferAreFound) {
  const auto differences = CompareCrdLists(kLiveCrds, kChartCrds);
  ASSERT_TRUE(differences.ok()) << differences.status();
  ASSERT_THAT(*differences, SizeIs(2));
  EXPECT_EQ((*differences)[0].name, "b.example.io");
  EXPECT_EQ((*differences)[0].here, "v1alpha1");
  EXPECT_EQ((*differences)[0].in_chart, "v1alpha1, v1");
  EXPECT_EQ((*differences)[1].name, "c.example.io");
  EXPECT_TRUE((*differences)[1].is_absent);
  EXPECT_THAT(*CompareCrdLists("", kLiveCrds), SizeIs(2)) << "kubectl prints nothing for none";
  EXPECT_FALSE(CompareCrdLists("what", kLiveCrds).ok());
}

class ReleaseChecksTest : public ::testing::Test {
 protected:
  void Add(const std::string& chart, const std::string& installed, const std::string& version) {
    Bundle bundle;
    bundle.chart_name = chart;
    bundle.chart_version = version;
    PlannedBundle planned;
    planned.bundle = plan_.package.bundles.size();
    planned.release = {.name = chart, .ns = "harbor", .revision = 1};
    planned.installed_version = installed;
    plan_.package.bundles.push_back(bundle);
    plan_.releases.bundles.push_back(planned);
  }
  std::string Text() const { return DescribeReleaseChecks(plan_); }

  Plan plan_;
};

TEST_F(ReleaseChecksTest, ADowngradeIsSaid) {
  Add("web", "0.9.0", "0.10.0");
  EXPECT_EQ(Text(), "");
  Add("db", "0.10.0", "0.9.0");
  EXPECT_THAT(Text(), HasSubstr("N-DOWNGRADE: release db (namespace harbor) goes back from 0.10.0 "
                                "to the older 0.9.0"));
  EXPECT_THAT(Text(), HasSubstr("Order of an upgrade: web, then db (--order changes it)"));
}

TEST_F(ReleaseChecksTest, TheVersionMustBeTheOneThatIsWanted) {
  Add("web", "0.9.0", "v0.10.0");
  EXPECT_TRUE(CheckChartVersion(plan_, "").ok());
  EXPECT_TRUE(CheckChartVersion(plan_, "0.10.0").ok());
  EXPECT_THAT(Message(CheckChartVersion(plan_, "0.9.1")), HasSubstr("there is web v0.10.0"));
  Add("db", "0.10.0", "0.9.0");
  const absl::Status status = CheckChartVersion(plan_, "0.10.0");
  EXPECT_TRUE(IsUsageError(status));
  EXPECT_THAT(Message(status), HasSubstr("(web v0.10.0, db 0.9.0); name the RELEASE"));
}

TEST_F(ReleaseChecksTest, OwnersAndCrdsAreSaid) {
  Add("web", "0.9.0", "0.10.0");
  plan_.releases.bundles[0].crd_changes = *CompareCrdLists(kLiveCrds, kChartCrds);
  EXPECT_THAT(Text(), HasSubstr("N-CRD-DIFF: CRD b.example.io: it is another in this cluster "
                                "(v1alpha1) than chart web brings (v1alpha1, v1)"));
  EXPECT_THAT(Text(), HasSubstr("CRD c.example.io: this cluster does not have it"));
  EXPECT_THAT(Text(), HasSubstr("--crds=apply applies it"));
  plan_.apply_crds = true;
  EXPECT_THAT(Text(), HasSubstr("it is applied before Helm runs, and stays after a rollback"));
  plan_.releases.bundles[0].owner = OwnerOfObjects(kFlux);
  EXPECT_THAT(Text(), HasSubstr("N-OWNER-FLUX"));
  EXPECT_THAT(Text(), HasSubstr("Helm is not run for it"));
  EXPECT_THAT(Text(), Not(HasSubstr("it is applied"))) << "nothing is done for another's release";
}

}  // namespace
}  // namespace lighter
