#include "coordinator/cluster/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "coordinator/cluster/admitted_pulls.h"
#include "coordinator/plan/node_plan.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;

constexpr char kNodes[] = R"({"items":[
  {"metadata":{"name":"a"},"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64",
    "containerRuntimeVersion":"containerd://1.6.20"},
    "conditions":[{"type":"DiskPressure","status":"False"},{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"b"},"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"arm64",
    "containerRuntimeVersion":"containerd://2.0"},"conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"c"},"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64",
    "containerRuntimeVersion":"cri-o://1.30"},"conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"d"},"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64",
    "containerRuntimeVersion":"containerd://2.0"},"conditions":[{"type":"Ready","status":"Unknown"}]}},
  {"metadata":{"name":"e"},"status":{"nodeInfo":{"operatingSystem":"windows","architecture":"amd64",
    "containerRuntimeVersion":"containerd://2.0"},"conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"f"},"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64",
    "containerRuntimeVersion":"containerd://2.0"},"conditions":[{"type":"Ready","status":"True"}]}}
]})";

constexpr char kAgents[] = R"({"items":[
  {"metadata":{"name":"agent-a","namespace":"s"},"spec":{"nodeName":"a","containers":[
     {"ports":[{"name":"other","containerPort":1},{"name":"grpc","containerPort":9000}]}]},
   "status":{"podIP":"10.0.0.1","conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"agent-old","namespace":"s","deletionTimestamp":"2026-01-01T00:00:00Z"},
   "spec":{"nodeName":"f"},"status":{"podIP":"10.0.0.9","conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"agent-f","namespace":"s"},"spec":{"nodeName":"f"},
   "status":{"podIP":"fd00::1","conditions":[{"type":"Ready","status":"False"}],
     "containerStatuses":[{"state":{"waiting":{"reason":"ErrImageNeverPull","message":"not present"}}}]}}
]})";

TEST(ParseTest, RefusesWhatIsNotAList) {
  for (const char* text : {"", "{", "[]", "{\"items\":{}}", "null"}) {
    EXPECT_FALSE(ParseNodes(text).ok()) << text;
    EXPECT_FALSE(ParseAgents(text).ok()) << text;
    EXPECT_FALSE(ParsePods(text, "r").ok()) << text;
  }
}

TEST(ParseTest, SurvivesObjectsOfAnyDepth) {
  constexpr size_t kDepth = 500'000;
  const std::string text =
      "{\"items\":" + std::string(kDepth, '[') + std::string(kDepth, ']') + "}";
  EXPECT_TRUE(ParseNodes(text).ok());
  EXPECT_TRUE(ParsePods(text, "r").ok());
}

TEST(ParseTest, SurvivesObjectsOfAnyShape) {
  for (const char* item :
       {"null", "1", "[]", "{}", R"({"metadata":[],"status":{"conditions":{}},"spec":7})",
        R"({"status":{"containerStatuses":[1,{"state":[]}]}})"}) {
    const std::string text = std::string("{\"items\":[") + item + "]}";
    EXPECT_TRUE(ParseNodes(text).ok()) << item;
    EXPECT_TRUE(ParseAgents(text).ok()) << item;
    EXPECT_TRUE(ParsePods(text, "r").ok()) << item;
  }
}

constexpr char kPods[] = R"({"items":[
  {"kind":"Pod","metadata":{"name":"web-1","uid":"3","ownerReferences":[{"uid":"2"}]},
   "spec":{"nodeName":"a"},"status":{"phase":"Pending","containerStatuses":[
     {"state":{"waiting":{"reason":"ImagePullBackOff","message":"no such host"}}}]}},
  {"kind":"ReplicaSet","metadata":{"name":"web","uid":"2","ownerReferences":[{"uid":"1"}]}},
  {"kind":"Deployment","metadata":{"name":"web","uid":"1",
     "annotations":{"meta.helm.sh/release-name":"mine"}}},
  {"kind":"Deployment","metadata":{"name":"other","uid":"4",
     "annotations":{"meta.helm.sh/release-name":"theirs"}}},
  {"kind":"Pod","metadata":{"name":"other-1","uid":"5","ownerReferences":[{"uid":"4"}]}},
  {"kind":"Pod","metadata":{"name":"web-old","uid":"6","ownerReferences":[{"uid":"2"}],
     "deletionTimestamp":"2026-01-01T00:00:00Z"}}
]})";

TEST(ParseTest, PodsOfAReleaseAreFoundThroughTheirOwners) {
  const auto pods = ParsePods(kPods, "mine");
  ASSERT_TRUE(pods.ok()) << pods.status();
  ASSERT_EQ(pods->size(), 1u);
  EXPECT_EQ((*pods)[0].name, "web-1");
  EXPECT_EQ((*pods)[0].reason, "ImagePullBackOff: no such host");
  EXPECT_FALSE((*pods)[0].ready);
}

TEST(ParseTest, LabelsAndTaintsOfANode) {
  const auto nodes = ParseNodes(R"({"items":[
    {"metadata":{"name":"a","labels":{"gpu":"true","n":7}},
     "spec":{"taints":[{"key":"x/y","value":"v","effect":"NoSchedule"},{"key":"z"}]}},
    {"metadata":{"name":"b"},"spec":{}}]})");
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  EXPECT_THAT(nodes->at(0).labels, testing::ElementsAre(testing::Pair("gpu", "true")));
  ASSERT_EQ(nodes->at(0).taints.size(), 2u);
  EXPECT_EQ(nodes->at(0).taints[0].key, "x/y");
  EXPECT_EQ(nodes->at(0).taints[0].value, "v");
  EXPECT_EQ(nodes->at(0).taints[0].effect, "NoSchedule");
  EXPECT_EQ(nodes->at(0).taints[1].key, "z");
  EXPECT_THAT(nodes->at(1).taints, testing::IsEmpty());
}

TEST(SelectNodesTest, LeavesOutWithCauseAndKeepsUnservedNodesWithTheirs) {
  const auto nodes = ParseNodes(kNodes);
  const auto agents = ParseAgents(kAgents);
  ASSERT_TRUE(nodes.ok() && agents.ok());
  std::vector<std::string> dialed;
  const NodeSelection selection = SelectNodes(
      *nodes, *agents, "amd64", [&](const std::string& node, const std::string& address) {
        dialed.push_back(node + " at " + address);
        return nullptr;
      });
  ASSERT_EQ(selection.nodes.size(), 2u);
  EXPECT_EQ(selection.nodes[0].name, "a");
  EXPECT_TRUE(selection.nodes[0].status.ok());
  EXPECT_THAT(dialed, testing::ElementsAre("a at 10.0.0.1:9000"));

  EXPECT_EQ(selection.nodes[1].name, "f");  // the pod that is being deleted does not count
  EXPECT_THAT(Message(selection.nodes[1].status), HasSubstr("agent-f"));
  EXPECT_THAT(Message(selection.nodes[1].status), HasSubstr("ErrImageNeverPull: not present"));

  ASSERT_EQ(selection.left_out.size(), 4u);
  EXPECT_THAT(selection.left_out[0].cause, HasSubstr("arm64"));
  EXPECT_THAT(selection.left_out[1].cause, HasSubstr("cri-o"));
  EXPECT_THAT(selection.left_out[2].cause, HasSubstr("not Ready"));
  EXPECT_THAT(selection.left_out[3].cause, HasSubstr("windows"));
}

TEST(SelectNodesTest, ANodeWithoutAnAgentSaysSo) {
  const auto nodes = ParseNodes(kNodes);
  ASSERT_TRUE(nodes.ok());
  const NodeSelection selection =
      SelectNodes(*nodes, {}, "", [](const std::string&, const std::string&) { return nullptr; });
  ASSERT_FALSE(selection.nodes.empty());
  EXPECT_THAT(Message(selection.nodes[0].status), HasSubstr("no agent runs on this node"));
}

// An agent may be a service of its node (docs/agent.md, "Without a pod").
TEST(SelectNodesTest, NodesWithoutAPodAreReachedAtTheirOwnAddress) {
  std::vector<Node> nodes = {{.name = "a"}, {.name = "b", .address = "fd00::2"}, {.name = "c"}};
  nodes[0].address = "10.0.0.1";
  for (Node& node : nodes) {
    node.os = "linux";
    node.runtime = "containerd://1.6.20";
    node.ready = true;
  }
  std::vector<AgentPod> agents = {
      {.node = "a", .name = "pod", .address = "10.0.0.1:9000", .ready = true}};
  AddAgentsWithoutPods(nodes, agents);
  std::vector<std::string> dialed;
  const NodeSelection selection =
      SelectNodes(nodes, agents, "", [&](const std::string& node, const std::string& address) {
        dialed.push_back(node + " at " + address);
        return nullptr;
      });
  EXPECT_THAT(dialed, testing::ElementsAre("a at 10.0.0.1:9000", "b at [fd00::2]:7443"));
  EXPECT_TRUE(selection.nodes[0].has_pod);
  EXPECT_FALSE(selection.nodes[1].has_pod);
  EXPECT_THAT(Message(selection.nodes[2].status), HasSubstr("no agent runs on this node"));
}

TEST(ClusterTest, MissingKubectlNamesTheFlag) {
  const Cluster cluster(Kubectl({.binary = "lighter-no-such-kubectl"}));
  EXPECT_THAT(Message(cluster.Nodes().status()), HasSubstr("--kubectl"));
}

TEST(PullsAlwaysTest, TakesTheAdmittedPodAtItsWord) {
  const auto pod = [](const std::string& policy) {
    return R"({"spec":{"containers":[{"name":"probe","imagePullPolicy":")" + policy + "\"}]}}";
  };
  EXPECT_TRUE(PullsAlways(pod("Always")));
  for (const std::string& text : {pod("IfNotPresent"), std::string("{}"), std::string("no pod")}) {
    EXPECT_FALSE(PullsAlways(text)) << text;
  }
}

}  // namespace
}  // namespace lighter
