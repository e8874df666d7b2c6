// What `lighter agent install` does about nodes that are left out this time and have an agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "coordinator/install/borrow.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/site.h"
#include "coordinator/install/stale_sets.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const AgentPayload kPayload = {.architecture = "amd64",
                               .boot = "boot bytes",
                               .compressed = "agent bytes",
                               .sha256 = std::string(64, 'a'),
                               .unpacked_size = 12345};

// A node that holds this image alone.
SiteNode NodeWith(const std::string& image, const std::string& name) {
  SiteNode node;
  node.name = name;
  node.hostname = name + "-host";
  node.architecture = "amd64";
  node.socket = "/run/containerd/containerd.sock";
  node.containerd_root = "/var/lib/containerd";
  node.reported_images = {image};
  return node;
}

AgentManifests Make(const std::vector<SiteNode>& nodes, const std::vector<SiteNode>& away = {}) {
  Grouping grouping = ChooseGroups(nodes, {}, {});
  grouping.away = away;
  return MakeManifests(kPayload, grouping);
}

std::string NameOf(const json& daemon_set) { return daemon_set.at("metadata").at("name"); }

// What DaemonSets say, by their names.
std::map<std::string, std::string> Texts(const AgentManifests& manifests) {
  std::map<std::string, std::string> texts;
  for (const json& daemon_set : manifests.daemon_sets) {
    texts[NameOf(daemon_set)] = daemon_set.dump(1);
  }
  return texts;
}

// The node, with an agent of the DaemonSet that it has when all take part.
SiteNode Away(const std::vector<SiteNode>& all, SiteNode node) {
  node.daemon_set = NameOf(Make({node}).daemon_sets.at(0));
  EXPECT_TRUE(Texts(Make(all)).contains(node.daemon_set));
  return node;
}

class AwayNodesTest : public ::testing::Test {
 protected:
  const SiteNode a_ = NodeWith("x:1", "a");
  const SiteNode b_ = NodeWith("x:1", "b");
  const SiteNode c_ = NodeWith("y:1", "c");
  const SiteNode d_ = NodeWith("y:1", "d");
  const SiteNode e_ = NodeWith("y:1", "e");
};

// Each change of a DaemonSet's template starts all its agents anew.
TEST_F(AwayNodesTest, ANodeThatGoesChangesNothingForTheOthers) {
  const std::vector<SiteNode> all = {a_, b_, c_, d_, e_};
  const auto before = Texts(Make(all));
  ASSERT_THAT(before, SizeIs(2));
  EXPECT_EQ(Texts(Make({a_, b_, c_, e_}, {Away(all, d_)})), before);
  // The larger group has fewer nodes now, and is the larger one still.
  EXPECT_EQ(Texts(Make({a_, b_, c_}, {Away(all, d_), Away(all, e_)})), before);
  EXPECT_EQ(Texts(Make({b_, c_, d_, e_}, {Away(all, a_)})), before);
}

TEST_F(AwayNodesTest, WhichOfTwoEqualGroupsTakesLateNodesDoesNotChange) {
  const std::vector<SiteNode> all = {a_, b_, c_, d_};
  const auto before = Texts(Make(all));
  EXPECT_EQ(Texts(Make({a_, c_, d_}, {Away(all, b_)})), before);
  EXPECT_EQ(Texts(Make({a_, b_, c_}, {Away(all, d_)})), before);
}

TEST_F(AwayNodesTest, TheOnlyNodeOfAGroupIsNotGivenToAnother) {
  const std::vector<SiteNode> all = {a_, b_, c_};
  const auto before = Texts(Make(all));
  const auto after = Texts(Make({a_, b_}, {Away(all, c_)}));
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after.begin()->second, before.at(after.begin()->first));
}

// Its pods hold the agent's port: where it served nodes that take part now, new ones could not
// start.
TEST_F(AwayNodesTest, AStaleDaemonSetIsNarrowedToTheNodesThatAreAway) {
  const std::vector<SiteNode> all = {c_, d_, e_};
  const json stale = Make(all).daemon_sets.at(0);
  const json other = Make({NodeWith("z:1", "f")}).daemon_sets.at(0);
  const std::vector<SiteNode> away = {Away(all, e_)};
  // c and d hold another image now.
  const AgentManifests wanted = Make({NodeWith("x:1", "c"), NodeWith("x:1", "d")}, away);
  const json present = json::array({wanted.daemon_sets.at(0), stale, other});
  const StaleSets found = FindStaleSets(present, wanted, away);
  EXPECT_THAT(found.gone, ElementsAre(NameOf(other)));
  ASSERT_THAT(found.narrowed, SizeIs(1));
  json narrowed = found.narrowed[0];
  EXPECT_EQ(NameOf(narrowed), NameOf(stale));
  EXPECT_TRUE(IsNarrowed(narrowed));
  EXPECT_FALSE(IsNarrowed(stale));
  EXPECT_EQ(narrowed.at("metadata").at("labels"), stale.at("metadata").at("labels"));
  EXPECT_EQ(narrowed.at("spec").at("selector"), stale.at("spec").at("selector"));
  json& pod = narrowed.at("spec").at("template").at("spec");
  EXPECT_EQ(pod.at("affinity"), NodeAffinity("In", {"e-host"}));
  pod.erase("affinity");
  EXPECT_EQ(pod, stale.at("spec").at("template").at("spec"));
  // The other way round, no new pod is made where that agent is.
  EXPECT_EQ(wanted.daemon_sets[0].at("spec").at("template").at("spec").at("affinity"),
            NodeAffinity("NotIn", {"e-host"}));
}

TEST_F(AwayNodesTest, DaemonSetsOfAnotherArchitectureAreAnotherLighters) {
  json other = Make({a_}).daemon_sets.at(0);
  other["metadata"]["name"] = "lighter-agent-arm";
  other["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"] = "arm64";
  const StaleSets found = FindStaleSets(json::array({other}), Make({a_}), {});
  EXPECT_THAT(found.gone, IsEmpty());
  EXPECT_THAT(found.narrowed, IsEmpty());
}

json NodeItem(const std::string& name, bool ready) {
  return {
      {"metadata", {{"name", name}, {"labels", {{"kubernetes.io/hostname", name + "-host"}}}}},
      {"status",
       {{"nodeInfo",
         {{"operatingSystem", "linux"},
          {"architecture", "amd64"},
          {"containerRuntimeVersion", "containerd://2.3.7"}}},
        {"conditions", json::array({{{"type", "Ready"}, {"status", ready ? "True" : "False"}}})}}}};
}

json AgentPod(const std::string& node, const std::string& daemon_set, bool terminating = false) {
  json pod = {{"metadata",
               {{"namespace", kAgentNamespace},
                {"labels",
                 {{"app.kubernetes.io/managed-by", "lighter"},
                  {"app.kubernetes.io/instance", daemon_set}}}}},
              {"spec", {{"nodeName", node}}}};
  if (terminating) pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  return pod;
}

TEST_F(AwayNodesTest, AreThoseThatAreNotReadyAndHaveAnAgentsPod) {
  const json nodes = {
      {"items",
       {NodeItem("a", true), NodeItem("b", false), NodeItem("c", false), NodeItem("d", false)}}};
  const json pods = {{"items",
                      {AgentPod("a", "set-1"), AgentPod("b", "set-2"),
                       AgentPod("b", "set-1", /*terminating=*/true),
                       AgentPod("d", "set-3", /*terminating=*/true)}}};
  absl::StatusOr<Site> site = ParseSite(nodes.dump(), pods.dump());
  ASSERT_TRUE(site.ok()) << site.status();
  EXPECT_THAT(site->nodes, SizeIs(1));
  EXPECT_THAT(site->skipped, SizeIs(3));
  ASSERT_THAT(site->away, SizeIs(2));
  EXPECT_EQ(site->away[0].hostname, "b-host");
  EXPECT_EQ(site->away[0].daemon_set, "set-2");
  EXPECT_EQ(site->away[1].daemon_set, "set-3");
  KeepOneArchitecture("arm64", *site);
  EXPECT_THAT(site->away, IsEmpty());
}

}  // namespace
}  // namespace lighter
