#include "coordinator/naming/rendered_pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lighter {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

RenderedPods Find(const std::string& manifests) {
  absl::StatusOr<RenderedPods> pods = FindRenderedPods(manifests, "ai");
  EXPECT_TRUE(pods.ok()) << pods.status();
  return pods.value_or(RenderedPods());
}

// An object of that kind whose pod template is in place.
std::string Object(const std::string& api, const std::string& kind, const std::string& more = "") {
  return "---\napiVersion: " + api + "\nkind: " + kind + "\nmetadata: {name: x}\nspec:\n" + more +
         "  template:\n    spec:\n      containers: [{image: \"r.io/a/web:1\"}]\n";
}

TEST(RenderedPodsTest, WhatAPodSaysOfItsNodesIsRead) {
  const RenderedPods found = Find(R"(---
apiVersion: apps/v1
kind: Deployment
metadata: {name: model-server}
spec:
  template:
    spec:
      nodeSelector: {gpu: "true"}
      tolerations:
      - {key: dedicated, operator: Equal, value: ai, effect: NoSchedule}
      - operator: Exists
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions: [{key: zone, operator: In, values: [a, b]}]
              matchFields: [{key: metadata.name, operator: NotIn, values: [n9]}]
      initContainers: [{image: "r.io/a/init:1"}]
      containers:
      - image: r.io/a/web:1
        args: ["--helper=r.io/a/helper:1"]
        resources: {limits: {nvidia.com/gpu: 1, cpu: 2}}
      volumes: [{image: {reference: "r.io/a/volume:1"}}]
)");
  ASSERT_THAT(found.pods, SizeIs(1));
  const RenderedPod& pod = found.pods[0];
  EXPECT_EQ(pod.workload, "Deployment ai/model-server");
  EXPECT_THAT(pod.images, ElementsAre("r.io/a/init:1", "r.io/a/volume:1", "r.io/a/web:1"));
  EXPECT_TRUE(pod.is_awaited);
  EXPECT_THAT(pod.constraints.node_selector, ElementsAre(Pair("gpu", "true")));
  ASSERT_TRUE(pod.constraints.affinity.has_value());
  ASSERT_THAT(*pod.constraints.affinity, SizeIs(1));
  const NodeTerm& term = pod.constraints.affinity->at(0);
  ASSERT_THAT(term.labels, SizeIs(1));
  EXPECT_EQ(term.labels[0].op, "In");
  EXPECT_THAT(term.labels[0].values, ElementsAre("a", "b"));
  ASSERT_THAT(term.fields, SizeIs(1));
  EXPECT_EQ(term.fields[0].key, "metadata.name");
  ASSERT_THAT(pod.constraints.tolerations, SizeIs(3));
  EXPECT_EQ(pod.constraints.tolerations[0].value, "ai");
  EXPECT_EQ(pod.constraints.tolerations[2].key, "nvidia.com/gpu");  // by the API server's plugin
  EXPECT_FALSE(pod.constraints.tolerates_all);
  EXPECT_THAT(found.elsewhere, ElementsAre("r.io/a/helper:1"));
}

TEST(RenderedPodsTest, AnImageThatIsAlsoInAnArgumentStandsElsewhere) {
  const RenderedPods found = Find(R"(---
apiVersion: v1
kind: Pod
metadata: {name: operator, namespace: own}
spec:
  containers:
  - image: &it r.io/a/web:1
    env: [{name: IMAGE, value: *it}]
---
apiVersion: v1
kind: ConfigMap
data: {image: "r.io/a/config:1"}
---
apiVersion: example.com/v1
kind: Deployment
spec:
  containers: [{image: r.io/a/untagged}]
)");
  ASSERT_THAT(found.pods, SizeIs(1));
  EXPECT_EQ(found.pods[0].workload, "Pod own/operator");
  EXPECT_THAT(found.elsewhere,
              ElementsAre("r.io/a/config:1", "r.io/a/untagged:latest", "r.io/a/web:1"));
}

TEST(RenderedPodsTest, EveryKindOfKubernetesOwnIsKnownAndWhatHelmAwaits) {
  const std::vector<std::tuple<std::string, std::string, std::string, bool>> cases = {
      {"apps/v1", "Deployment", "", true},
      {"apps/v1", "Deployment", "  replicas: 0\n", false},
      {"apps/v1", "StatefulSet", "", true},
      {"apps/v1", "ReplicaSet", "", true},
      {"v1", "ReplicationController", "", true},
      {"apps/v1", "DaemonSet", "", false},
      {"batch/v1", "Job", "", false},
  };
  for (const auto& [api, kind, more, is_awaited] : cases) {
    const RenderedPods found = Find(Object(api, kind, more));
    ASSERT_THAT(found.pods, SizeIs(1)) << kind;
    EXPECT_THAT(found.pods[0].images, ElementsAre("r.io/a/web:1")) << kind;
    EXPECT_EQ(found.pods[0].is_awaited, is_awaited) << kind << more;
    EXPECT_THAT(found.elsewhere, IsEmpty()) << kind;
  }
  const RenderedPods cron = Find(R"(---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {nodeName: n1, containers: [{image: "r.io/a/b:1"}]}}}}}
)");
  ASSERT_THAT(cron.pods, SizeIs(1));
  EXPECT_EQ(cron.pods[0].constraints.node_name, "n1");
  EXPECT_FALSE(cron.pods[0].is_awaited);
}

TEST(RenderedPodsTest, HooksOfAnUpgradeAreAwaitedAndTestsAreNot) {
  const std::map<std::string, bool> cases = {
      {"pre-upgrade", true}, {"post-install,post-upgrade", true}, {"test", false}};
  for (const auto& [hook, is_awaited] : cases) {
    const std::string manifest = R"(---
apiVersion: batch/v1
kind: Job
metadata: {name: x, annotations: {helm.sh/hook: ")" +
                                 hook +
                                 R"("}}
spec: {template: {spec: {containers: [{image: "r.io/a/b:1"}]}}}
)";
    const RenderedPods found = Find(manifest);
    ASSERT_THAT(found.pods, SizeIs(1));
    EXPECT_EQ(found.pods[0].is_awaited, is_awaited) << hook;
  }
}

TEST(RenderedPodsTest, WhereTolerationsMayBeAddedTaintsDoNotCount) {
  for (const char* more : {"runtimeClassName: kata", "schedulerName: own"}) {
    const RenderedPods found = Find(std::string(R"(---
apiVersion: v1
kind: Pod
metadata: {name: x}
spec:
  )") + more + "\n  containers: [{image: \"r.io/a/b:1\"}]\n");
    ASSERT_THAT(found.pods, SizeIs(1));
    EXPECT_TRUE(found.pods[0].constraints.tolerates_all) << more;
  }
}

TEST(RenderedPodsTest, WrongShapesAreNoPodsAndHarmNothing) {
  const RenderedPods found = Find(R"(---
apiVersion: apps/v1
kind: Deployment
metadata: [x]
spec: {template: {spec: {nodeSelector: [a], affinity: x, tolerations: {a: b}, containers: [{image: "r.io/a/b:1", resources: [x]}]}}}
---
apiVersion: [v1]
kind: {a: b}
spec: {containers: [{image: "r.io/a/c:1"}]}
)");
  ASSERT_THAT(found.pods, SizeIs(1));
  EXPECT_THAT(found.pods[0].constraints.node_selector, IsEmpty());
  EXPECT_THAT(found.elsewhere, Contains("r.io/a/c:1"));
  EXPECT_THAT(found.elsewhere, Not(Contains("r.io/a/b:1")));
  EXPECT_FALSE(FindRenderedPods("kind: Pod\nspec: {containers: [", "").ok());
}

}  // namespace
}  // namespace lighter
