// The objects of `lighter agent install --lift-taint`.
#include "coordinator/install/lift_taint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/lift_objects.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr char kKey[] = "example.com/images-missing";

TEST(CheckTaintKeyTest, KubernetesOwnAndWhatIsNoKeyAreRefused) {
  for (const char* key : {kKey, "plain", "a", "a.b-c.example/x_Y.z-1"}) {
    EXPECT_TRUE(CheckTaintKey(key).ok()) << CheckTaintKey(key);
  }
  for (const std::string& key :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a/b/c"),
        std::string("A.example/b"), std::string("a..b/c"), std::string("a'b"), std::string("a b"),
        std::string("-a"), std::string("a=b:NoSchedule"), std::string(64, 'a'),
        std::string(254, 'a') + "/b", std::string("node.kubernetes.io/not-ready"),
        std::string("node-role.kubernetes.io/control-plane"), std::string("kubernetes.io/x"),
        std::string("k8s.io/x")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckTaintKey(key))) << key;
  }
}

TEST(HasAdmissionPoliciesTest, OnlyWhereTheApiServerListsThem) {
  EXPECT_TRUE(HasAdmissionPolicies(
      R"({"resources":[{"name":"x"},{"name":"validatingadmissionpolicies"}]})"));
  EXPECT_FALSE(
      HasAdmissionPolicies(R"({"resources":[{"name":"validatingwebhookconfigurations"}]})"));
  EXPECT_FALSE(HasAdmissionPolicies("not json"));
}

class LiftManifestsTest : public ::testing::Test {
 protected:
  LiftManifestsTest() {
    AgentGroup& group = grouping_.groups.emplace_back();
    group.image = "registry.k8s.io/pause:3.10";
    group.architecture = "amd64";
    group.socket = "/run/containerd/containerd.sock";
    group.containerd_root = "/var/lib/containerd";
  }

  AgentManifests Make(const std::string& key) const {
    return MakeManifests(payload_, grouping_, {}, key);
  }
  static json PodOf(const AgentManifests& manifests) {
    return manifests.daemon_sets.at(0).at("spec").at("template").at("spec");
  }
  // Mount paths by volume.
  static std::map<std::string, std::string> Mounts(const json& container, bool writable) {
    std::map<std::string, std::string> paths;
    for (const json& mount : container.at("volumeMounts")) {
      if (mount.value("readOnly", false) == !writable) {
        paths[mount.at("name")] = mount.at("mountPath");
      }
    }
    return paths;
  }

  const AgentPayload payload_ = {.architecture = "amd64",
                                 .boot = "boot bytes",
                                 .compressed = "bytes",
                                 .sha256 = std::string(64, 'a'),
                                 .unpacked_size = 12345};
  Grouping grouping_;
};

TEST_F(LiftManifestsTest, WithoutTheFlagNothingOfItIsThere) {
  const AgentManifests manifests = Make("");
  EXPECT_TRUE(manifests.rights.empty());
  const std::string text = manifests.daemon_sets.at(0).dump();
  for (const char* word : {"lift", "serviceAccount", "held", "token"}) {
    EXPECT_THAT(text, Not(HasSubstr(absl::StrCat("\"", word))));
  }
  EXPECT_EQ(LiftedTaint(SamplePod(manifests.daemon_sets.at(0))), "");
}

// A pod's service account cannot be changed by applying another template: the API server keeps a
// second copy of its name.
TEST_F(LiftManifestsTest, EachKeyHasItsOwnDaemonSet) {
  std::set<std::string> names;
  for (const char* key : {"", kKey, "example.com/other"}) {
    names.insert(Make(key).daemon_sets.at(0).at("metadata").at("name").get<std::string>());
  }
  EXPECT_EQ(names.size(), 3u);
}

TEST_F(LiftManifestsTest, OnlyTheSecondContainerHasATokenAndItHasLittleElse) {
  const AgentManifests manifests = Make(kKey);
  const json pod = PodOf(manifests);
  EXPECT_EQ(pod.at("automountServiceAccountToken"), false);
  EXPECT_EQ(pod.at("serviceAccountName"), "lighter-lift-taint");
  const json& agent = pod.at("containers").at(0);
  const json& lift = pod.at("containers").at(1);
  EXPECT_THAT(agent.at("volumeMounts").dump(), Not(HasSubstr("account")));
  EXPECT_THAT(Mounts(lift, true), ElementsAre(std::pair("lift-run", "/lighter/run")));
  EXPECT_THAT(Mounts(lift, false),
              UnorderedElementsAre(
                  std::pair("boot", "/lighter/boot"), std::pair("chunks", "/lighter/chunks"),
                  std::pair("held", "/lighter/held"),
                  std::pair("account", "/var/run/secrets/kubernetes.io/serviceaccount")));
  EXPECT_EQ(Mounts(agent, true).at("run"), "/lighter/run");
  for (const char* key : {"image", "imagePullPolicy", "command"}) {
    EXPECT_EQ(lift.at(key), agent.at(key));
  }
  const json& security = lift.at("securityContext");
  EXPECT_EQ(security.at("runAsNonRoot"), true);
  EXPECT_EQ(security.at("allowPrivilegeEscalation"), false);
  EXPECT_EQ(security.at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(security.at("capabilities"), json({{"drop", json::array({"ALL"})}}));
  EXPECT_THAT(lift.at("env").dump(), HasSubstr("NODE_NAME"));
  EXPECT_EQ(LiftedTaint(SamplePod(manifests.daemon_sets.at(0))), kKey);
}

TEST_F(LiftManifestsTest, TheAgentWritesTheFileThatIsWaitedFor) {
  const json pod = PodOf(Make(kKey));
  const std::vector<std::string> agent = pod.at("containers").at(0).at("args");
  const std::vector<std::string> lift = pod.at("containers").at(1).at("args");
  EXPECT_THAT(agent, Contains("--held-file=/lighter/held/list"));
  EXPECT_THAT(lift, ElementsAre("lift-taint", absl::StrCat("--key=", kKey),
                                "--held-file=/lighter/held/list"));
  EXPECT_EQ(Mounts(pod.at("containers").at(0), true).at("held"), "/lighter/held");
}

TEST_F(LiftManifestsTest, AnImageOfItsOwnStartsBoth) {
  grouping_.groups[0].has_agent = true;
  const json pod = PodOf(Make(kKey));
  const json& lift = pod.at("containers").at(1);
  EXPECT_EQ(lift.at("command"), json::array({"/lighter-agent"}));
  EXPECT_TRUE(Mounts(lift, true).empty());
}

TEST_F(LiftManifestsTest, RightsComeAfterWhatLimitsThem) {
  std::vector<std::string> kinds;
  for (const json& object : Make(kKey).rights) {
    kinds.push_back(object.at("kind"));
    EXPECT_EQ(object.at("metadata").at("name"), "lighter-lift-taint");
    EXPECT_EQ(object.at("metadata").at("labels").at("app.kubernetes.io/managed-by"), "lighter");
    EXPECT_EQ(object.at("metadata").contains("namespace"), kinds.back() == "ServiceAccount");
  }
  EXPECT_THAT(kinds, ElementsAre("ClusterRole", "ServiceAccount", "ValidatingAdmissionPolicy",
                                 "ValidatingAdmissionPolicyBinding", "ClusterRoleBinding"));
}

TEST_F(LiftManifestsTest, TheRoleIsNoLargerThanItMustBe) {
  const std::vector<json> rights = Make(kKey).rights;
  EXPECT_EQ(rights.at(0).at("rules"), json::array({{{"apiGroups", json::array({""})},
                                                    {"resources", json::array({"nodes"})},
                                                    {"verbs", {"get", "patch"}}}}));
  EXPECT_EQ(rights.at(4).at("subjects"), json::array({{{"kind", "ServiceAccount"},
                                                       {"name", "lighter-lift-taint"},
                                                       {"namespace", "lighter-system"}}}));
}

TEST_F(LiftManifestsTest, ThePolicyFailsClosedAndNamesTheKey) {
  const json policy = Make(kKey).rights.at(2).at("spec");
  EXPECT_EQ(policy.at("failurePolicy"), "Fail");
  EXPECT_THAT(policy.at("matchConditions").at(0).at("expression"),
              HasSubstr("'system:serviceaccount:lighter-system:lighter-lift-taint'"));
  EXPECT_THAT(policy.at("validations").back().at("expression").get<std::string>(),
              HasSubstr(absl::StrCat("t.key != '", kKey, "'")));
  EXPECT_EQ(Make(kKey).rights.at(3).at("spec").at("validationActions"), json::array({"Deny"}));
}

}  // namespace
}  // namespace lighter
