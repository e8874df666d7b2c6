#include "coordinator/plan/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/plan/plan.h"
#include "coordinator/plan/pod_fit.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Node NodeNamed(const std::string& name, std::map<std::string, std::string> labels = {},
               std::vector<Taint> taints = {}) {
  Node node;
  node.name = name;
  node.labels = std::move(labels);
  node.taints = std::move(taints);
  return node;
}

// The rules of Kubernetes, case by case: k8s.io/component-helpers
// scheduling/corev1/nodeaffinity/nodeaffinity_test.go and api/core/v1/toleration_test.go have more.
TEST(PodFitTest, RequirementsOnLabels) {
  const std::map<std::string, std::string> labels = {{"gpu", "true"}, {"cores", "16"}};
  const std::vector<std::pair<NodeRequirement, bool>> cases = {
      {{"gpu", "In", {"false", "true"}}, true},
      {{"gpu", "In", {"false"}}, false},
      {{"gpu", "In", {}}, false},
      {{"none", "In", {"true"}}, false},
      {{"gpu", "NotIn", {"true"}}, false},
      {{"gpu", "NotIn", {}}, false},
      {{"none", "NotIn", {"true"}}, true},
      {{"gpu", "Exists", {}}, true},
      {{"none", "Exists", {}}, false},
      {{"gpu", "DoesNotExist", {}}, false},
      {{"none", "DoesNotExist", {}}, true},
      {{"cores", "Gt", {"8"}}, true},
      {{"cores", "Gt", {"16"}}, false},
      {{"cores", "Lt", {"17"}}, true},
      {{"cores", "Lt", {"9"}}, false},
      {{"cores", "Gt", {"8", "9"}}, false},
      {{"gpu", "Gt", {"8"}}, false},
      {{"none", "Lt", {"8"}}, false},
      {{"gpu", "Like", {"true"}}, false},
  };
  for (const auto& [requirement, matches] : cases) {
    EXPECT_EQ(Matches(requirement, labels), matches)
        << requirement.key << " " << requirement.op << " " << requirement.values.size();
  }
}

TEST(PodFitTest, SelectorAffinityAndName) {
  const Node node = NodeNamed("n1", {{"gpu", "true"}});
  PodConstraints pod;
  EXPECT_EQ(WhyNotOn(pod, node), "");
  pod.node_selector = {{"gpu", "true"}};
  EXPECT_EQ(WhyNotOn(pod, node), "");
  pod.node_selector["zone"] = "a";
  EXPECT_EQ(WhyNotOn(pod, node), "nodeSelector gpu=true,zone=a");
  pod.node_selector.clear();

  pod.affinity.emplace();  // no term holds
  EXPECT_THAT(WhyNotOn(pod, node), HasSubstr("node affinity"));
  pod.affinity->push_back({});
  EXPECT_THAT(WhyNotOn(pod, node), HasSubstr("node affinity"));
  pod.affinity->push_back({.labels = {{"gpu", "Exists", {}}, {"zone", "In", {"a"}}}, .fields = {}});
  EXPECT_THAT(WhyNotOn(pod, node), HasSubstr("gpu Exists and zone In (a)"));
  pod.affinity->push_back({.labels = {}, .fields = {{"metadata.name", "In", {"n1"}}}});
  EXPECT_EQ(WhyNotOn(pod, node), "");
  pod.affinity->back().fields[0].op = "NotIn";
  EXPECT_NE(WhyNotOn(pod, node), "");
  pod.affinity->back().fields = {{"metadata.namespace", "In", {"n1"}}};
  EXPECT_NE(WhyNotOn(pod, node), "");

  pod.node_name = "n1";  // nobody looks at the rest
  EXPECT_EQ(WhyNotOn(pod, node), "");
  EXPECT_EQ(WhyNotOn(pod, NodeNamed("n2")), "nodeName n1");
}

TEST(PodFitTest, Taints) {
  const Node node = NodeNamed("n1", {}, {{"dedicated", "ai", "NoSchedule"}});
  const std::vector<std::pair<std::vector<Toleration>, bool>> cases = {
      {{}, false},
      {{{"dedicated", "Equal", "ai", "NoSchedule"}}, true},
      {{{"dedicated", "", "ai", ""}}, true},
      {{{"dedicated", "", "db", ""}}, false},
      {{{"dedicated", "Exists", "", "NoExecute"}}, false},
      {{{"dedicated", "Exists", "", ""}}, true},
      {{{"", "Exists", "", ""}}, true},
      {{{"other", "Exists", "", ""}}, false},
      {{{"other", "Exists", "", ""}, {"dedicated", "Exists", "", ""}}, true},
      {{{"dedicated", "Like", "ai", ""}}, false},
  };
  for (const auto& [tolerations, runs] : cases) {
    PodConstraints pod;
    pod.tolerations = tolerations;
    EXPECT_EQ(WhyNotOn(pod, node), runs ? "" : "taint dedicated=ai:NoSchedule")
        << (tolerations.empty() ? "none" : tolerations[0].key + tolerations[0].op);
  }
  PodConstraints pod;
  EXPECT_EQ(WhyNotOn(pod, NodeNamed("n", {}, {{"a", "", "NoExecute"}})), "taint a:NoExecute");
  EXPECT_EQ(WhyNotOn(pod, NodeNamed("n", {}, {{"a", "", "PreferNoSchedule"}})), "");
  pod.tolerates_all = true;
  EXPECT_EQ(WhyNotOn(pod, node), "");
}

TEST(PodFitTest, TaintsThatPassRuleNoNodeOut) {
  for (const char* key :
       {"node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready",
        "node.kubernetes.io/disk-pressure", "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cilium.io/agent-not-ready"}) {
    EXPECT_EQ(WhyNotOn({}, NodeNamed("n", {}, {{key, "", "NoSchedule"}})), "") << key;
  }
  EXPECT_NE(WhyNotOn({}, NodeNamed("n", {},
                                   {{"node-role.kubernetes.io/control-plane", "", "NoSchedule"}})),
            "");
}

TEST(PlaceRuleTest, WhatIsReadAndWhatIsRefused) {
  const Node gpu = NodeNamed("n1", {{"gpu", "true"}, {"zone", "a"}});
  const Node plain = NodeNamed("n2", {{"zone", "b"}});
  const std::vector<std::tuple<std::string, bool, bool>> cases = {
      {"all", true, true},
      {"x=all", true, true},
      {"x=gpu=true", true, false},
      {"x=gpu==true", true, false},
      {"x=gpu!=true", false, true},
      {"x=gpu", true, false},
      {"x=!gpu", false, true},
      {"x=zone in (a, c),gpu", true, false},
      {"x=zone notin (a)", false, true},
      {"x=node:n2", false, true},
      {"x=node:n1,n2", true, true},
  };
  for (const auto& [text, on_gpu, on_plain] : cases) {
    const absl::StatusOr<PlaceRule> rule = ParsePlaceRule(text);
    ASSERT_TRUE(rule.ok()) << text << ": " << rule.status();
    EXPECT_EQ(MeansNode(*rule, gpu), on_gpu) << text;
    EXPECT_EQ(MeansNode(*rule, plain), on_plain) << text;
  }
  for (const char* text : {"", "x", "=a", "x=", "x=node:", "x=a b", "x=zone in a", "x=zone of (a)",
                           "x=,", "x=a;b", "x=!", "x=(a)", "x=a!b"}) {
    EXPECT_FALSE(ParsePlaceRule(text).ok()) << text;
  }
}

TEST(PlaceRuleTest, APatternMeansAName) {
  const std::string name = "10.0.0.1:5000/ai/model-server:v1";
  const std::vector<std::pair<std::string, bool>> cases = {
      {name, true},
      {"model-server", true},
      {"model-server:v1", true},
      {"model-server:v2", false},
      {"ai/model-server", true},
      {"server", false},
      {"*server", true},
      {"ai/*", true},
      {"*", true},
      {"model-serve?", true},
      {"10.0.0.1:5000/*", true},
  };
  for (const auto& [pattern, means] : cases) {
    EXPECT_EQ(MeansName({.text = "", .pattern = pattern, .nodes = {}, .labels = {}}, name), means)
        << pattern;
  }
}

class PlacementTest : public ::testing::Test {
 protected:
  PlacementTest() {
    Add(NodeNamed("cp", {}, {{"node-role.kubernetes.io/control-plane", "", "NoSchedule"}}));
    Add(NodeNamed("gpu1", {{"gpu", "true"}}));
    Add(NodeNamed("plain"));
    nodes_.left_out.push_back({"away", "the node is not Ready", NodeNamed("away")});
    images_["model"] = {.targets = {"r.io/model:1"}, .sources = {"v.io/model:1"}};
    images_["web"] = {.targets = {"r.io/web:1"}, .sources = {}};
    images_["hinted"] = {.targets = {"r.io/hinted:1"}, .sources = {}};
    images_["archived"] = {.targets = {}, .sources = {"v.io/archived:1"}};
    AddPod("Deployment ai/model", "r.io/model:1").constraints.node_selector = {{"gpu", "true"}};
    AddPod("Deployment ai/web", "r.io/web:1");
  }

  void Add(const Node& node) {
    NodePlan& plan = nodes_.nodes.emplace_back();
    plan.name = node.name;
    plan.node = node;
  }

  RenderedPod& AddPod(const std::string& workload, const std::string& image) {
    RenderedPod& pod = pods_.pods.emplace_back();
    pod.workload = workload;
    pod.images = {image};
    pod.is_awaited = true;
    return pod;
  }

  absl::StatusOr<Placement> TryPlace(const std::vector<std::string>& rules = {}) const {
    std::vector<PlaceRule> parsed;
    for (const std::string& rule : rules) parsed.push_back(*ParsePlaceRule(rule));
    return PlaceImages(images_, pods_, parsed, nodes_);
  }

  Placement Place(const std::vector<std::string>& rules = {}) const {
    absl::StatusOr<Placement> placement = TryPlace(rules);
    EXPECT_TRUE(placement.ok()) << placement.status();
    return placement.value_or(Placement());
  }

  NodeSelection nodes_;
  std::map<std::string, ImageNames> images_;
  RenderedPods pods_;
};

TEST_F(PlacementTest, AnImageGoesWhereItsPodsCanRun) {
  const Placement placement = Place();
  ASSERT_THAT(placement.images, SizeIs(2));
  const ImagePlacement& model = placement.images.at("model");
  EXPECT_THAT(model.spared, ElementsAre("away", "cp", "plain"));
  EXPECT_THAT(model.causes, ElementsAre("nodeSelector gpu=true of Deployment ai/model"));
  EXPECT_FALSE(model.is_chosen);
  EXPECT_THAT(placement.images.at("web").spared, ElementsAre("cp"));
  EXPECT_THAT(placement.images.at("web").causes,
              ElementsAre("taint node-role.kubernetes.io/control-plane:NoSchedule of Deployment "
                          "ai/web"));
  EXPECT_THAT(placement.nowhere, IsEmpty());
  NodeSelection nodes = nodes_;
  Apply(placement, nodes);
  EXPECT_THAT(nodes.nodes[0].endpoint.spared, ElementsAre("model", "web"));
  EXPECT_THAT(nodes.nodes[1].endpoint.spared, IsEmpty());
  EXPECT_THAT(NodesOf("model", nodes), ElementsAre("gpu1"));
}

TEST_F(PlacementTest, AllPodsOfAnImageCountTogether) {
  AddPod("DaemonSet ai/all", "r.io/model:1").constraints.tolerates_all = true;
  EXPECT_FALSE(Place().images.contains("model"));
}

TEST_F(PlacementTest, AnImageThatSomebodyElseMayStartGoesEverywhere) {
  pods_.elsewhere = {"r.io/model:1"};
  EXPECT_FALSE(Place().images.contains("model"));
  pods_.elsewhere.clear();
  images_["model"].targets.insert("r.io/of/a/hint:1");
  EXPECT_FALSE(Place().images.contains("model"));
}

TEST_F(PlacementTest, PodsThatNoNodeTakesAreSaid) {
  pods_.pods[0].constraints.node_selector = {{"gpu", "a100"}};
  Placement placement = Place();
  ASSERT_THAT(placement.nowhere, SizeIs(1));
  EXPECT_TRUE(placement.nowhere[0].blocks);
  EXPECT_THAT(Message(CheckPlaced(placement)),
              HasSubstr("E-PLACE-NOWHERE: no node of this cluster takes pods of Deployment "
                        "ai/model (nodeSelector gpu=a100), and Helm would wait"));
  NodeSelection nodes = nodes_;
  Apply(placement, nodes);
  EXPECT_THAT(NodesOf("model", nodes), IsEmpty());
  // The operator says that he knows.
  placement = Place({"model=all"});
  ASSERT_THAT(placement.nowhere, SizeIs(1));
  EXPECT_FALSE(placement.nowhere[0].blocks);
  EXPECT_FALSE(placement.images.contains("model"));
  pods_.pods[0].is_awaited = false;
  EXPECT_TRUE(CheckPlaced(Place()).ok());
  // A node that is away may come back.
  nodes_.left_out[0].node.labels["gpu"] = "a100";
  EXPECT_THAT(Place().nowhere, IsEmpty());
}

TEST_F(PlacementTest, TheOperatorsWordGoesFirst) {
  const Placement placement = Place({"all", "model=node:plain", "v.io/arch*=!gpu"});
  ASSERT_THAT(placement.images, SizeIs(2));
  EXPECT_THAT(placement.images.at("model").spared, ElementsAre("away", "cp", "gpu1"));
  EXPECT_TRUE(placement.images.at("model").is_chosen);
  EXPECT_THAT(placement.images.at("model").causes, ElementsAre("--place model=node:plain"));
  EXPECT_THAT(placement.images.at("archived").spared, ElementsAre("gpu1"));
  ASSERT_THAT(placement.notes, SizeIs(1));
  EXPECT_THAT(placement.notes[0],
              HasSubstr("N-PLACE-PODS: pods of Deployment ai/model can run on gpu1, too"));
}

TEST_F(PlacementTest, ARuleThatMeansNothingIsRefusedByName) {
  const std::map<std::string, std::string> cases = {
      {"modle=all", "--place modle=all: no image of this plan has such a name"},
      {"model=node:gpu9", "this cluster has no node gpu9"},
      {"model=gpu=a100", "no node that takes part is meant"},
      {"model=node:away", "no node that takes part is meant"}};
  for (const auto& [rule, words] : cases) {
    const absl::Status refused = TryPlace({rule}).status();
    EXPECT_TRUE(IsUsageError(refused)) << rule;
    EXPECT_THAT(Message(refused), HasSubstr(words));
  }
}

TEST_F(PlacementTest, PodsThatOnlyNodesThatAreAwayTakeAreANote) {
  nodes_.left_out[0].node.labels["gpu"] = "a100";
  pods_.pods[0].constraints.node_selector = {{"gpu", "a100"}};
  const Placement placement = Place();
  EXPECT_TRUE(CheckPlaced(placement).ok());
  ASSERT_THAT(placement.notes, SizeIs(1));
  EXPECT_THAT(placement.notes[0],
              HasSubstr("N-PLACE-AWAY: pods of Deployment ai/model can run only "
                        "on nodes that are left out: away (the node is not "
                        "Ready)"));
  EXPECT_THAT(Place({"model=all"}).notes, IsEmpty());
}

TEST_F(PlacementTest, AClusterWithoutNodesRefusesNoPods) {
  nodes_ = {};
  EXPECT_TRUE(CheckPlaced(Place()).ok());
}

TEST_F(PlacementTest, ANameAloneIsPlacedByItsPods) {
  const Placement placement = PlaceNamesAlone({"r.io/model:1", "r.io/none:1"}, pods_, nodes_);
  EXPECT_THAT(placement.images.at("r.io/model:1").spared, ElementsAre("away", "cp", "plain"));
  EXPECT_FALSE(placement.images.contains("r.io/none:1"));
}

}  // namespace
}  // namespace lighter
