#include "coordinator/cluster/pod_admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "coordinator/cluster/pod_templates.h"
#include "coordinator/plan/admitted_names.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A pod template in YAML's JSON.
constexpr char kTemplate[] =
    R"({"metadata":{"labels":{"app":"web"},"name":"not taken"},"spec":{"containers":[{"name":"web","image":"r.io/web:1"}]}})";

json Workload(const std::string& kind, const std::string& spec) {
  return json::parse(R"({"kind":")" + kind + R"(","metadata":{"name":"it"},"spec":)" + spec + "}");
}

TEST(PodOfTemplateTest, EveryKindOfWorkloadHasOne) {
  const std::string spec = std::string(R"({"template":)") + kTemplate + "}";
  const std::vector<std::pair<std::string, std::string>> owners = {
      {"Deployment", "ReplicaSet"},
      {"StatefulSet", "StatefulSet"},
      {"DaemonSet", "DaemonSet"},
      {"ReplicaSet", "ReplicaSet"},
      {"ReplicationController", "ReplicationController"},
      {"Job", "Job"},
  };
  for (const auto& [kind, owner] : owners) {
    const auto pod = PodOfTemplate(Workload(kind, spec));
    ASSERT_TRUE(pod.has_value()) << kind;
    EXPECT_EQ(pod->owner, kind + "/it");
    EXPECT_EQ(pod->pod["kind"], "Pod");
    EXPECT_EQ(pod->pod["metadata"]["labels"]["app"], "web");
    EXPECT_FALSE(pod->pod["metadata"].contains("name"));
    EXPECT_EQ(pod->pod["metadata"]["ownerReferences"][0]["kind"], owner);
    EXPECT_EQ(pod->pod["spec"]["containers"][0]["image"], "r.io/web:1");
  }
  const auto job = PodOfTemplate(Workload("CronJob", R"({"jobTemplate":{"spec":)" + spec + "}}"));
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->pod["spec"]["containers"][0]["name"], "web");
}

TEST(PodOfTemplateTest, APodIsItsOwn) {
  json pod = json::parse(kTemplate);
  pod["kind"] = "Pod";
  const auto result = PodOfTemplate(pod);
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->pod["metadata"].contains("ownerReferences"));
}

TEST(PodOfTemplateTest, ClaimsAreVolumes) {
  json set = Workload("StatefulSet", std::string(R"({"template":)") + kTemplate + "}");
  set["spec"]["volumeClaimTemplates"] = json::parse(R"([{"metadata":{"name":"data"}}])");
  const auto pod = PodOfTemplate(set);
  ASSERT_TRUE(pod.has_value());
  EXPECT_EQ(pod->pod["spec"]["volumes"][0]["name"], "data");
}

TEST(PodOfTemplateTest, WhatIsDamagedOrOtherHasNone) {
  EXPECT_FALSE(PodOfTemplate(Workload("Service", "{}")).has_value());
  EXPECT_FALSE(PodOfTemplate(Workload("Deployment", "{}")).has_value());
  EXPECT_FALSE(PodOfTemplate(Workload("Deployment", R"({"template":{"spec":[]}})")).has_value());
  EXPECT_FALSE(PodOfTemplate(json::array()).has_value());
}

// A kubectl that reads manifests as they are (here: JSON lines), and of which each test says what
// the API server makes of the pods.
class AdmitPodsTest : public ::testing::Test {
 protected:
  // `server` is shell: stdin has the list of pods in $pods, and its output is kubectl's.
  PodAdmission Admit(const std::string& server, const std::string& manifests) {
    std::ofstream(dir_.File("kubectl")) << R"(#!/bin/sh
case "$*" in
  *--dry-run=client*) cat ;;
  *) pods=$(cat); )" << server << R"( ;;
esac
)";
    std::filesystem::permissions(dir_.File("kubectl"), std::filesystem::perms::owner_all);
    return AdmitPods(Kubectl({.binary = dir_.File("kubectl")}), "harbor", manifests);
  }

  std::string Deployment() {
    json deployment = Workload("Deployment", std::string(R"({"template":)") + kTemplate + "}");
    deployment["containers:"] = 1;  // as YAML has it: only such documents are looked at
    return deployment.dump() + "\n";
  }

  support::TempDir dir_;
};

constexpr char kAdmitted[] =
    R"(echo '{"metadata":{"name":"lighter-probe-0"},"spec":{"containers":[{"name":"web","image":"mirror.io/r/web:1","imagePullPolicy":"Always"},{"name":"proxy","image":"mesh.io/proxy:9","imagePullPolicy":"IfNotPresent"}]}}')";

TEST_F(AdmitPodsTest, TellsWhatBecomesOfEachContainer) {
  const PodAdmission admission = Admit(kAdmitted, Deployment());
  ASSERT_EQ(admission.images.size(), 2u);
  const AdmittedImage& added = admission.images[0];
  EXPECT_EQ(added.asked, "");
  EXPECT_EQ(added.admitted, "mesh.io/proxy:9");
  EXPECT_EQ(admission.images[1].asked, "r.io/web:1");
  EXPECT_EQ(admission.images[1].admitted, "mirror.io/r/web:1");
  EXPECT_EQ(admission.images[1].policy, PullPolicy::kAlways);
  EXPECT_THAT(admission.notes, ElementsAre(HasSubstr("adds container proxy")));
  EXPECT_THAT(admission.denied, IsEmpty());
}

TEST_F(AdmitPodsTest, APodThatIsDenied) {
  for (const std::string words :
       {"pods \"lighter-probe-0\" is forbidden: violates PodSecurity \"restricted:latest\"",
        "admission webhook \"x.io\" denied the request: no"}) {
    const PodAdmission admission = Admit("echo '" + words + "' >&2; exit 1", Deployment());
    ASSERT_EQ(admission.denied.size(), 1u) << words;
    EXPECT_EQ(admission.denied[0].owner, "Deployment/it");
    EXPECT_THAT(admission.denied[0].cause, HasSubstr(words));
  }
}

// What stands in the way of asking, or only now, denies nothing.
TEST_F(AdmitPodsTest, APodOfWhichNothingIsKnown) {
  for (const std::string words :
       {"failed calling webhook \"x.io\": connection refused", "exceeded quota: small",
        "admission webhook \"x.io\" does not support dry run",
        "pods is forbidden: User \"me\" cannot create resource \"pods\" in API group",
        "namespaces \"harbor\" not found"}) {
    const PodAdmission admission = Admit("echo '" + words + "' >&2; exit 1", Deployment());
    EXPECT_THAT(admission.denied, IsEmpty()) << words;
    EXPECT_THAT(admission.notes, ElementsAre(HasSubstr("N-POD-ADMISSION"))) << words;
  }
}

TEST_F(AdmitPodsTest, AServiceAccountThatTheChartBringsIsDoneWithout) {
  std::string deployment = Deployment();
  deployment.insert(deployment.find(R"("containers":[)"), R"("serviceAccountName":"web",)");
  const PodAdmission admission = Admit(
      R"(case "$pods" in *serviceAccountName*) echo 'pods "x" is forbidden: error looking up service account harbor/web: serviceaccount "web" not found' >&2; exit 1;; *) )" +
          std::string(kAdmitted) + " ;; esac",
      deployment);
  EXPECT_THAT(admission.denied, IsEmpty());
  EXPECT_EQ(admission.images.size(), 2u);
}

TEST(ApplyAdmissionTest, ANameThatIsRewrittenEverywhereIsAskedForNoMore) {
  std::vector<RenderedImage> rendered = {
      {.name = "r.io/web:1", .policies = {PullPolicy::kIfNotPresent}, .uses = 2},
      {.name = "nginx", .policies = {PullPolicy::kAlways}, .uses = 1}};
  const AdmittedImage web = {"r.io/web:1", "mirror.io/web:1", PullPolicy::kIfNotPresent};
  // The same name in other words is no other name.
  const AdmittedImage nginx = {"nginx", "docker.io/library/nginx:latest", PullPolicy::kAlways};

  std::vector<RenderedImage> once = rendered;
  EXPECT_EQ(ApplyAdmission({web, nginx}, once).size(), 1u);
  EXPECT_EQ(once.size(), 3u) << "one pod still asks for r.io/web:1";

  EXPECT_EQ(ApplyAdmission({web, web, nginx}, rendered).size(), 1u);
  ASSERT_EQ(rendered.size(), 2u);
  EXPECT_EQ(rendered[0].name, "nginx");
  EXPECT_EQ(rendered[1].name, "mirror.io/web:1");
}

}  // namespace
}  // namespace lighter
