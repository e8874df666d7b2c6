#include "coordinator/naming/rendered_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/status.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Images(std::string_view manifests) {
  const auto images = RenderedImages(manifests);
  EXPECT_TRUE(images.ok()) << images.status();
  std::vector<std::string> names;
  for (const RenderedImage& image : images.value_or(std::vector<RenderedImage>())) {
    names.push_back(image.name);
  }
  return names;
}

TEST(RenderedImagesTest, FindsEveryKindOfPodSpec) {
  EXPECT_THAT(Images(R"(---
# Source: x/templates/pod.yaml
kind: Pod
spec:
  initContainers:
    - name: i
      image: init:1
  containers:
    - name: a
      image: "r.io:5000/a:1"
    - {name: b, image: b@sha256:00}
  ephemeralContainers:
    - image: debug:1
  volumes:
    - name: v
      image: {reference: volume:1, pullPolicy: IfNotPresent}
---
kind: Deployment
spec:
  template:
    spec:
      containers:
      - image: deploy:1
        env: [{name: image, value: "not:me"}]
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: cron:1}]}}}}}
---
kind: List
items:
  - kind: Pod
    spec: {containers: [{image: listed:1}]}
)"),
              ElementsAre("init:1", "r.io:5000/a:1", "b@sha256:00", "debug:1", "volume:1",
                          "deploy:1", "cron:1", "listed:1"));
}

TEST(RenderedImagesTest, EachNameOnceInOrder) {
  EXPECT_THAT(Images("kind: Pod\nspec: {containers: [{image: b}, {image: a}, {image: b}]}\n---\n"
                     "kind: Pod\nspec: {containers: [{image: a}, {image: c}]}\n"),
              ElementsAre("b", "a", "c"));
}

TEST(RenderedImagesTest, OtherImageFieldsAreNotNames) {
  EXPECT_THAT(Images(R"(
kind: ConfigMap
data:
  image: no:1
  pod.yaml: |
    spec:
      containers:
        - image: no:2
---
kind: CustomResourceDefinition
spec:
  properties:
    containers:
      description: The containers
      items: {properties: {image: {type: string}}}
---
kind: App
spec: {image: no:3, containers: {image: no:4}, volumes: {image: {reference: no:5}}}
---
kind: Pod
spec: {containers: [{name: noimage}, {image: }, {image: {a: b}}, text, [1]]}
)"),
              IsEmpty());
}

TEST(RenderedImagesTest, NothingIsFine) {
  for (const char* text : {"", "\n", "---\n", "---\n---\n", "# NOTES\n", "--- # Source\n"}) {
    EXPECT_THAT(Images(text), IsEmpty());
  }
}

TEST(RenderedImagesTest, SeparatorsAreOnlyLinesOfTheirOwn) {
  EXPECT_THAT(
      Images("kind: ConfigMap\r\ndata: {x: '---'}\r\n---\r\nkind: Pod\r\n"
             "spec: {containers: [{image: a}]}\r\n--- # next\nkind: Pod\n"
             "metadata: {annotations: {x: \"a\n  --- b\"}}\nspec: {containers: [{image: b}]}"),
      ElementsAre("a", "b"));
}

TEST(RenderedImagesTest, AnchorsAndMergeKeysAreFollowed) {
  EXPECT_THAT(Images(R"(
base: &base {image: merged:1}
spec:
  containers:
    - <<: *base
      name: a
    - *base
    - <<: *base
      image: own:1
)"),
              ElementsAre("merged:1", "own:1"));
}

TEST(RenderedImagesTest, PullPoliciesAreThoseThatKubernetesSees) {
  const auto images = RenderedImages(R"(---
spec:
  containers:
    - {name: a, image: "r.io/a:1", imagePullPolicy: Never}
    - {name: b, image: "r.io/a:1", imagePullPolicy: Always}
    - {name: c, image: "r.io/c:1"}
    - {name: d, image: "r.io/d"}
    - {name: e, image: "r.io/e:latest", imagePullPolicy: IfNotPresent}
    - {name: f, image: "r.io/f:latest@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
  volumes:
    - {name: v, image: {reference: "r.io/v:1", pullPolicy: Always}}
)");
  ASSERT_TRUE(images.ok()) << images.status();
  std::map<std::string, std::set<PullPolicy>> policies;
  for (const RenderedImage& image : *images) policies[image.name.substr(0, 6)] = image.policies;
  const std::set<PullPolicy> present = {PullPolicy::kIfNotPresent};
  const std::set<PullPolicy> always = {PullPolicy::kAlways};
  EXPECT_EQ(policies, (std::map<std::string, std::set<PullPolicy>>{
                          {"r.io/a", {PullPolicy::kNever, PullPolicy::kAlways}},
                          {"r.io/c", present},
                          {"r.io/d", always},
                          {"r.io/e", present},
                          {"r.io/f", always},
                          {"r.io/v", always}}));
}

TEST(RenderedImagesTest, NumbersKeepTheirText) {
  EXPECT_THAT(Images("spec: {containers: [{image: 1.10}]}"), ElementsAre("1.10"));
}

TEST(RenderedImagesTest, DamagedYamlIsNamedByItsSource) {
  const auto images = RenderedImages(
      "---\n# Source: chart/templates/web.yaml\nspec:\n  containers: [{image: a}\n---\nkind: "
      "Pod\n");
  EXPECT_EQ(images.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(images.status()), HasSubstr("chart/templates/web.yaml"));
}

TEST(MentionedNamesTest, FindsNamesWhereverTheyStand) {
  EXPECT_THAT(MentionedNames(R"(# Source: x/templates/operator.yaml
kind: Deployment
spec:
  containers:
    - image: r.io/op:1
      args: ["--helper-image=r.io:5000/a/helper:v1", '--pin', 'r.io/b@sha256:0123']
      env: [{name: RELATED_IMAGE, value: docker://r.io/c:2}]
data:
  config.json: |
    {"image":"[fd00::1]:5000/d:3","list":"r.io/e:4,r.io/op:1;nginx:1.25."}
  plain: this has no/version and http://no/version
)"),
              ElementsAre("r.io/op:1", "r.io:5000/a/helper:v1", "r.io/b@sha256:0123", "r.io/c:2",
                          "[fd00::1]:5000/d:3", "r.io/e:4", "nginx:1.25"));
}

TEST(MentionedNamesTest, AnyTextIsFine) {
  for (const std::string& text : std::vector<std::string>{
           "", ":", "@", "///:::", "a://", "://:1", "[", "]:1", std::string(100'000, ':'),
           std::string(100'000, 'a') + ":1", std::string("\0\xff:\x80", 4)}) {
    EXPECT_THAT(MentionedNames(text), IsEmpty()) << text.substr(0, 20);
  }
}

// A dozen lines that stand for 10^12 values.
TEST(RenderedImagesTest, AliasBombsAreRefused) {
  std::string bomb = "a0: &a0 {containers: [{image: x}]}\n";
  for (int i = 1; i < 13; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 9; ++j) bomb += ", " + last;
    bomb += "]\n";
  }
  EXPECT_EQ(RenderedImages(bomb).status().code(), absl::StatusCode::kResourceExhausted);
}

// Each document is allowed; a small file of many would keep lighter busy for hours.
TEST(RenderedImagesTest, AliasesAreBoundedOverAllDocuments) {
  std::string document = "containers: []\na: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'e'; ++c) {
    const std::string last(1, static_cast<char>(c - 1));
    document += std::string(1, c) + ": &" + c + " [*" + last;
    for (int j = 0; j < 9; ++j) document += ", *" + last;
    document += "]\n";
  }
  EXPECT_TRUE(RenderedImages(document).ok());
  std::string stream;
  for (int i = 0; i < 10; ++i) stream += "---\n" + document;
  EXPECT_EQ(RenderedImages(stream).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(RenderedImagesTest, DepthIsBounded) {
  const std::string deep = "containers: " + std::string(200, '[') + std::string(200, ']');
  EXPECT_EQ(RenderedImages(deep).status().code(), absl::StatusCode::kResourceExhausted);
  const std::string deeper = "containers: " + std::string(200'000, '[');
  EXPECT_FALSE(RenderedImages(deeper).ok());
}

}  // namespace
}  // namespace lighter
