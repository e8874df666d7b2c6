#include "coordinator/naming/load_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "tests/unit/hint_lines.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// As vendors' manuals give it; line 4 is containerRegistry.
constexpr char kManual[] = R"(source:
  intermediateBundlesPath: hydra-offline # (1)!
target:
  containerRegistry: 10.16.10.111
  containerRepository: release.example.io/hydra
  repo:
    kind: HARBOR
    url: http://10.16.10.111/chartrepo/release.example.io
    auth:
      username: "admin"
      password: "Harbor12345"
  containers:
    auth:
      username: "admin"
      password: "Harbor12345"
)";

absl::StatusOr<LoadImageConfig> Parse(const std::string& yaml) {
  return ParseLoadImageConfig(yaml, "load-image.yaml");
}

std::string ErrorOf(const std::string& yaml) { return Message(Parse(yaml).status()); }

// The name that an image of the chart gets by these keys of `target`, set by values.
std::string Name(const std::string& target, const std::string& registry, const std::string& path) {
  const auto config = Parse("target: {" + target + "}");
  if (!config.ok()) return Message(config.status());
  const std::vector<Hint> hints = Hints({"{{ .r }}/{{ .p }}:v1"});
  const json values = {{"r", registry}, {"p", path}};
  json merged = values;
  merged.merge_patch(RelocateValues(hints, values, values, config->relocation).values);
  return hints[0].Evaluate(merged).value();
}

TEST(LoadImageTest, TheFileOfTheManualsIsTakenAndWhatSaysNothingIsTold) {
  const auto config = Parse(kManual);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->relocation.registry, "10.16.10.111");
  EXPECT_EQ(config->relocation.repository, "release.example.io/hydra");
  EXPECT_THAT(config->ignored, ElementsAre("source.intermediateBundlesPath", "target.repo",
                                           "target.containers.auth"));
}

// The table of DaoCloud's rule: staging/src/.../internal/rewrite_action.go, Apply.
TEST(LoadImageTest, NamesAreThoseOfChartsSyncerAndOfDaoClouds) {
  struct Case {
    const char* target;
    const char* of_vendor;  // release.example.io/hydra/api:v1
    const char* of_ghcr;    // ghcr.io/a/b/c:v1
    const char* of_hub;     // docker.io/bitnami/redis:v1
  };
  for (const Case& c : std::vector<Case>{
           {"containerRegistry: 10.16.10.111", "10.16.10.111/hydra/api:v1", "10.16.10.111/a/b/c:v1",
            "10.16.10.111/bitnami/redis:v1"},
           {"containerRegistry: 10.16.10.111, containerRepository: release.example.io/hydra",
            "10.16.10.111/release.example.io/hydra/api:v1",
            "10.16.10.111/release.example.io/hydra/c:v1",
            "10.16.10.111/release.example.io/hydra/redis:v1"},
           {"containerPrefixRegistry: 10.16.10.111", "10.16.10.111/release.example.io/hydra/api:v1",
            "10.16.10.111/ghcr.io/a/b/c:v1", "10.16.10.111/index.docker.io/bitnami/redis:v1"},
           {"containerPrefixRegistry: 10.16.10.111, appendOriginRegistry: true",
            "10.16.10.111/release.example.io/hydra/api:v1", "10.16.10.111/ghcr.io/a/b/c:v1",
            "10.16.10.111/index.docker.io/bitnami/redis:v1"},
           {"containerPrefixRegistry: 10.16.10.111, containerPrefixRepository: p",
            "10.16.10.111/release.example.io/p/hydra/api:v1", "10.16.10.111/ghcr.io/p/a/b/c:v1",
            "10.16.10.111/index.docker.io/p/bitnami/redis:v1"},
           {"containerRegistry: 10.16.10.111, containerPrefixRepository: p",
            "10.16.10.111/p/hydra/api:v1", "10.16.10.111/p/a/b/c:v1",
            "10.16.10.111/p/bitnami/redis:v1"},
           {"containerRegistry: other.example.io, containerPrefixRegistry: 10.16.10.111, "
            "containerRepository: mine, containerPrefixRepository: p",
            "10.16.10.111/mine/api:v1", "10.16.10.111/mine/c:v1", "10.16.10.111/mine/redis:v1"},
           {"containerPrefixRegistry: 10.16.10.111, appendOriginRegistry: true, "
            "containerRepository: mine",
            "10.16.10.111/release.example.io/mine/api:v1", "10.16.10.111/ghcr.io/mine/c:v1",
            "10.16.10.111/index.docker.io/mine/redis:v1"}}) {
    EXPECT_EQ(Name(c.target, "release.example.io", "hydra/api"), c.of_vendor) << c.target;
    EXPECT_EQ(Name(c.target, "ghcr.io", "a/b/c"), c.of_ghcr) << c.target;
    EXPECT_EQ(Name(c.target, "docker.io", "bitnami/redis"), c.of_hub) << c.target;
  }
}

TEST(LoadImageTest, WhichValueGetsTheOriginsRegistryIsTheFilesToSay) {
  const std::vector<Hint> hints = Hints({"{{ .r }}/{{ .p }}:v1"});
  const json values = {{"r", "ghcr.io"}, {"p", "a/b"}};
  const auto values_by = [&](const std::string& yaml) {
    return RelocateValues(hints, values, values, Parse(yaml)->relocation).values;
  };
  EXPECT_EQ(values_by("target: {containerPrefixRegistry: 10.0.0.5}"),
            json({{"r", "10.0.0.5"}, {"p", "ghcr.io/a/b"}}));
  EXPECT_EQ(values_by("target: {containerPrefixRegistry: 10.0.0.5, appendOriginRegistry: true}"),
            json({{"r", "10.0.0.5/ghcr.io"}}));
}

TEST(LoadImageTest, BothSpellingsOfProtobufsJsonAreTaken) {
  EXPECT_EQ(Name("container_registry: 10.0.0.5, container_repository: p", "ghcr.io", "a/b"),
            "10.0.0.5/p/b:v1");
  EXPECT_THAT(ErrorOf("target: {containerRegistry: r.io, container_registry: s.io}"),
              HasSubstr("target.containerRegistry is there twice"));
}

TEST(LoadImageTest, AKeyThatNobodyKnowsIsNamedWithFileAndLine) {
  const std::string head = "target:\n  containerRegistry: 10.16.10.111\n";
  EXPECT_EQ(ErrorOf(head + "  containerRepo: hydra\n"),
            "load-image.yaml: line 3: target.containerRepo is no key of charts-syncer's "
            "configuration");
  EXPECT_THAT(ErrorOf(head + "  repo: {urll: x}\n"),
              HasSubstr("line 3: target.repo.urll is no key"));
  EXPECT_THAT(ErrorOf(head + "  containers: {auth: {token: x}}\n"),
              HasSubstr("line 3: target.containers.auth.token is no key"));
  EXPECT_THAT(ErrorOf(head + "targets: {}\n"), HasSubstr("line 3: targets is no key"));
  EXPECT_THAT(ErrorOf(head + "\"a\\u001b[2J\": x\n"), Not(HasSubstr("\x1b")));
}

TEST(LoadImageTest, WhatLighterDoesNotDoIsRefusedWithTheWayOut) {
  const std::string head = "target:\n  containerRegistry: 10.16.10.111\n";
  EXPECT_THAT(ErrorOf(head + "charts:\n- hydra\n"), HasSubstr("charts: name the RELEASE"));
  EXPECT_THAT(ErrorOf(head + "skipCharts: [a]\n"),
              HasSubstr("line 3: skipCharts: name the RELEASE"));
  EXPECT_THAT(ErrorOf(head + "  intermediateBundlesPath: b\n"),
              HasSubstr("which lighter only reads"));
  EXPECT_THAT(ErrorOf(head + "  containers: {url: http://r.io}\n"),
              HasSubstr("line 3: target.containers.url: it is a key of charts-syncer 2"));
  EXPECT_TRUE(Parse(head + "charts: []\nskipCharts:\n").ok());
}

TEST(LoadImageTest, AFileThatDoesNotSayWhereImagesGoIsRefused) {
  EXPECT_THAT(ErrorOf("source: {intermediateBundlesPath: x}"),
              HasSubstr("neither target.containerRegistry nor target.containerPrefixRegistry"));
  EXPECT_THAT(ErrorOf("target: {containerRepository: p}"),
              HasSubstr("does not say where images go"));
  EXPECT_THAT(ErrorOf("target: {containerRegistry: r.io, appendOriginRegistry: true}"),
              HasSubstr("appendOriginRegistry needs"));
  EXPECT_THAT(ErrorOf("target: {containerPrefixRegistry: r.io, containerPrefixRepository: p, "
                      "appendOriginRegistry: true}"),
              HasSubstr("take one of them out"));
  EXPECT_THAT(ErrorOf("target: {containerRegistry: r.io, appendOriginRegistry: maybe}"),
              HasSubstr("neither true nor false"));
}

TEST(LoadImageTest, WhatIsNoSuchFileIsRefused) {
  for (const char* yaml :
       {"", "- a", "text", "a: [", "target: x", "target: {containerRegistry: [a]}",
        "target: {containerRegistry: 'https://r.io'}",
        "target: {containerRegistry: r.io, containerRepository: Proj}", "? [a]\n: b",
        "target: {repo: x, containerRegistry: r.io}"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Parse(yaml).status())) << yaml;
    EXPECT_THAT(ErrorOf(yaml), ::testing::StartsWith("load-image.yaml: ")) << yaml;
  }
  EXPECT_FALSE(Parse(std::string(2 << 20, ' ')).ok());
}

TEST(LoadImageTest, NothingOfAPasswordIsSaid) {
  for (const char* tail : {"  containerRepo: x\n", "  repo: {auth: {password: Harbor12345}}\n",
                           "  appendOriginRegistry: true\n"}) {
    EXPECT_THAT(ErrorOf(std::string(kManual) + tail), Not(HasSubstr("Harbor12345"))) << tail;
  }
}

}  // namespace
}  // namespace lighter
