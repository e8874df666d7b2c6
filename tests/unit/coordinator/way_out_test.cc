// What is told of agents' pods that do not come to run: the cluster's own words and the way out.
#include "coordinator/install/way_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinator/install/agent_pods.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Case {
  const char* name;
  const char* reason;
  const char* message;
  const char* way_out;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

json Event(const char* kind, const Case& one) {
  return {{"involvedObject", {{"kind", kind}, {"name", "x"}}},
          {"reason", one.reason},
          {"message", one.message}};
}

AgentWarnings Warnings(const json& events) {
  const auto warnings = ParseAgentWarnings(json({{"items", events}}).dump());
  EXPECT_TRUE(warnings.ok()) << warnings.status();
  return warnings.value_or(AgentWarnings());
}

class EventTest : public ::testing::TestWithParam<Case> {};

// As Kubernetes 1.35 words them.
INSTANTIATE_TEST_SUITE_P(
    Every, EventTest,
    ::testing::Values(
        Case{
            "Quota", "FailedCreate",
            "(combined from similar events): Error creating: pods \"lighter-agent-52fd3124-h8llm\" "
            "is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0",
            "has no room for a pod on every node: raise or delete it"},
        Case{"QuotaOfPriority", "FailedCreate",
             "Error creating: insufficient quota to match these scopes: [{PriorityClass In "
             "[system-node-critical system-cluster-critical]}]",
             "create one with that scope"},
        Case{"PodSecurity", "FailedCreate",
             "Error creating: pods \"lighter-agent-1\" is forbidden: violates PodSecurity "
             "\"restricted:latest\": host namespaces (hostNetwork=true)",
             "pod-security.kubernetes.io/enforce=privileged --overwrite"},
        Case{"HostPath", "FailedMount",
             "MountVolume.SetUp failed for volume \"root\" : hostPath type check failed: "
             "/var/lib/containerd is not a directory",
             "elsewhere"},
        Case{"ReadOnly", "FailedMount",
             "MountVolume.SetUp failed for volume \"mirrors\" : mkdir /etc/containerd/certs.d: "
             "read-only file system",
             "--mirror-folder` names another folder"},
        Case{
            "DiskFull", "FailedMount",
            "MountVolume.SetUp failed for volume \"chunks\" : write /var/lib/kubelet/pods/1/chunk: "
            "no space left on device",
            "free space on the node's disk"}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(EventTest, IsToldWithTheWayOut) {
  const Case& one = GetParam();
  const bool of_pod = std::string(one.reason) == "FailedMount";
  const AgentWarnings warnings = Warnings(json::array({Event(of_pod ? "Pod" : "DaemonSet", one)}));
  const std::string told = WarningFor(warnings, of_pod ? "x" : "");
  EXPECT_THAT(told, StartsWith(std::string(one.reason) + ": " + one.message + "; "));
  EXPECT_THAT(told, HasSubstr(one.way_out));
}

TEST(ParseAgentWarningsTest, TheNewestOfAnObjectCounts) {
  const AgentWarnings warnings =
      Warnings(json::array({Event("DaemonSet", {"", "FailedCreate", "exceeded quota: old", ""}),
                            Event("DaemonSet", {"", "FailedCreate", "the webhook says no", ""})}));
  EXPECT_EQ(WarningFor(warnings, ""), "FailedCreate: the webhook says no");
}

TEST(ParseAgentWarningsTest, WhatIsNoListIsRefused) {
  EXPECT_FALSE(ParseAgentWarnings("nothing").ok());
}

// The problem that is told of a pod with this status.
std::string ProblemOf(const json& status) {
  const json item = {{"metadata", {{"name", "lighter-agent-x"}}},
                     {"spec", {{"nodeName", "node1"}}},
                     {"status", status}};
  const auto pods = ParseAgentPods(json({{"items", json::array({item})}}).dump());
  EXPECT_TRUE(pods.ok()) << pods.status();
  return pods->at(0).problem;
}

std::string ProblemOfUnschedulable(const char* message) {
  return ProblemOf({{"conditions", json::array({{{"type", "PodScheduled"},
                                                 {"status", "False"},
                                                 {"reason", "Unschedulable"},
                                                 {"message", message}}})}});
}

TEST(PodProblemTest, WhatTheSchedulerSays) {
  EXPECT_THAT(ProblemOfUnschedulable("0/3 nodes are available: 1 Insufficient memory, 2 node(s) "
                                     "didn't satisfy plugin(s) [NodeAffinity]."),
              EndsWith("make room on the node"));
  EXPECT_THAT(ProblemOfUnschedulable("0/3 nodes are available: 1 node(s) didn't have free ports "
                                     "for the requested pod ports."),
              EndsWith("port 7443"));
  EXPECT_THAT(ProblemOfUnschedulable("0/3 nodes are available: 1 Too many pods."),
              EndsWith("(maxPods)"));
  EXPECT_THAT(ProblemOfUnschedulable("0/3 nodes are available: 1 node(s) had untolerated taint "
                                     "{dedicated: gpu}."),
              HasSubstr("tolerate every taint"));
  EXPECT_THAT(ProblemOfUnschedulable("0/3 nodes are available: 3 node(s) didn't match Pod's node "
                                     "affinity/selector."),
              HasSubstr("default node selector"));
}

TEST(PodProblemTest, AProgramThatMayNotStart) {
  const char* const words =
      "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
      "runc create failed: unable to start container process: exec: "
      "\"/lighter/boot/lighter-boot\": "
      "permission denied: unknown";
  const std::string problem = ProblemOf(
      {{"containerStatuses",
        json::array({{{"name", kAgentContainer},
                      {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
                      {"lastState",
                       {{"terminated",
                         {{"reason", "StartError"}, {"message", words}, {"exitCode", 128}}}}}}})}});
  EXPECT_THAT(problem, AllOf(StartsWith(words), HasSubstr("noexec"), HasSubstr("SELinux")));
}

TEST(PodProblemTest, AProfileThatTheNodeLacks) {
  EXPECT_THAT(ProblemOf({{"phase", "Failed"}, {"reason", "AppArmor"}}), HasSubstr("journalctl -k"));
}

TEST(WithWayOutTest, LeavesOtherWordsAlone) {
  EXPECT_EQ(WithWayOut(""), "");
  EXPECT_EQ(WithWayOut("ImagePullBackOff: back-off"), "ImagePullBackOff: back-off");
  // The first stage tells the way out by itself.
  const char* const said =
      "lighter-boot: cannot start /lighter/run/lighter-agent on this node (x86_64): Permission "
      "denied; it is on a noexec mount; the kubelet's folder must allow programs";
  EXPECT_EQ(WithWayOut(said), said);
}

}  // namespace
}  // namespace lighter
