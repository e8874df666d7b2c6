// What `lighter agent upgrade` keeps of the agents that run.
#include "coordinator/install/running_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/install/borrow.h"
#include "coordinator/install/stale_sets.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kOwnImage[] = "registry.example.com/lighter-agent:1";

SiteNode MakeNode(const std::string& name) {
  SiteNode node;
  node.name = node.hostname = name;
  node.architecture = "amd64";
  node.socket = "/run/containerd/containerd.sock";
  node.containerd_root = "/var/lib/containerd";
  node.config_path = "/etc/containerd/certs.d";
  node.reported_images = {"registry.k8s.io/pause:3.10"};
  return node;
}

SiteNode K3sNode(const std::string& name) {
  SiteNode node = MakeNode(name);
  node.socket = "/run/k3s/containerd/containerd.sock";
  node.config_path = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d";
  return node;
}

// The DaemonSets of an installation.
json Installed(const std::vector<SiteNode>& nodes, const GivenImage& image,
               const MirrorSettings& mirrors, const std::string& lift_taint = "") {
  const AgentPayload payload = {.architecture = "amd64",
                                .boot = "boot",
                                .compressed = "agent",
                                .sha256 = std::string(64, 'a'),
                                .unpacked_size = 5};
  return MakeManifests(payload, ChooseGroups(nodes, image, {}), mirrors, lift_taint).daemon_sets;
}

RunningSettings Parse(const json& daemon_sets) {
  const absl::StatusOr<RunningSettings> running = ParseRunningSettings(daemon_sets, "amd64");
  EXPECT_TRUE(running.ok()) << running.status();
  return running.value_or(RunningSettings());
}

TEST(RunningSettingsTest, AreWhatWasInstalled) {
  const RunningSettings running = Parse(Installed(
      {MakeNode("a"), K3sNode("b")}, {.name = kOwnImage, .has_agent = true},
      {.registries = {"10.0.0.5", "docker.io"}, .folder = "/etc/hosts.d"}, "example.com/missing"));
  EXPECT_EQ(running.image, kOwnImage);
  EXPECT_THAT(running.mirrors.registries, ElementsAre("10.0.0.5", "docker.io"));
  EXPECT_EQ(running.mirrors.folder, "/etc/hosts.d");
  EXPECT_EQ(running.lift_taint, "example.com/missing");
}

TEST(RunningSettingsTest, ABorrowedImageIsChosenAnewAndEachDistributionHasItsFolder) {
  const RunningSettings running =
      Parse(Installed({MakeNode("a"), K3sNode("b")}, {}, {.registries = {"docker.io"}}));
  EXPECT_EQ(running.image, "");
  EXPECT_EQ(running.mirrors.folder, "");
  EXPECT_EQ(running.lift_taint, "");
}

TEST(RunningSettingsTest, WhereThereAreNoAgentsNothingIsGuessed) {
  EXPECT_TRUE(absl::IsNotFound(ParseRunningSettings(json::array(), "amd64").status()));
  const json sets = Installed({MakeNode("a")}, {}, {.registries = {"docker.io"}});
  EXPECT_TRUE(absl::IsNotFound(ParseRunningSettings(sets, "arm64").status()));
}

TEST(RunningSettingsTest, AgentsThatDifferAreNotGuessedAt) {
  json both = Installed({MakeNode("a")}, {}, {.registries = {"docker.io"}});
  both.push_back(Installed({MakeNode("a")}, {}, {}).at(0));
  EXPECT_TRUE(absl::IsFailedPrecondition(ParseRunningSettings(both, "amd64").status()));
  both = Installed({MakeNode("a")}, {.name = kOwnImage, .has_agent = true}, {});
  both.push_back(Installed({MakeNode("a")}, {}, {}).at(0));
  EXPECT_TRUE(absl::IsFailedPrecondition(ParseRunningSettings(both, "amd64").status()));
  both = Installed({MakeNode("a")}, {}, {}, "example.com/missing");
  both.push_back(Installed({MakeNode("a")}, {}, {}).at(0));
  EXPECT_TRUE(absl::IsFailedPrecondition(ParseRunningSettings(both, "amd64").status()));
}

TEST(RunningSettingsTest, AgentsOfAnotherArchitectureAreAnotherLighters) {
  SiteNode arm = MakeNode("b");
  arm.architecture = "arm64";
  json sets = Installed({arm}, {}, {.registries = {"docker.io"}});
  sets.push_back(Installed({MakeNode("a")}, {}, {}).at(0));
  EXPECT_THAT(Parse(sets).mirrors.registries, IsEmpty());
}

// What was given, not what a node made of it: the folder could not be made there.
TEST(RunningSettingsTest, AFolderThatWasGivenIsKeptThoughNoNodeHasIt) {
  SiteNode node = MakeNode("a");
  node.refused_folder = "/etc/hosts.d";
  const json sets = Installed({node}, {}, {.registries = {"a.io"}, .folder = "/etc/hosts.d"});
  EXPECT_EQ(Parse(sets).mirrors.folder, "/etc/hosts.d");
}

// Left from before for a node that was not Ready.
TEST(RunningSettingsTest, ANarrowedDaemonSetDoesNotCount) {
  const SiteNode a = MakeNode("a");
  json sets = Installed({a}, {}, {.registries = {"docker.io"}});
  SiteNode away = MakeNode("b");
  away.daemon_set = sets.at(0).at("metadata").at("name");
  AgentManifests wanted;
  wanted.daemon_sets = Installed({a}, {}, {});
  const StaleSets stale = FindStaleSets(sets, wanted, {away});
  ASSERT_EQ(stale.narrowed.size(), 1U);
  sets = json::array({stale.narrowed[0], wanted.daemon_sets[0]});
  EXPECT_THAT(Parse(sets).mirrors.registries, IsEmpty());
}

class KeepSettingsTest : public ::testing::Test {
 protected:
  const RunningSettings running_ = {
      .image = kOwnImage,
      .mirrors = {.registries = {"a.io", "b.io"}, .folder = "/etc/hosts.d"},
      .lift_taint = "example.com/missing"};
  InstallOptions options_;
};

TEST_F(KeepSettingsTest, WhatIsNotSaidStaysAndIsTold) {
  EXPECT_EQ(KeepSettings(running_, options_),
            "--image registry.example.com/lighter-agent:1 --mirror a.io --mirror b.io "
            "--mirror-folder /etc/hosts.d --lift-taint example.com/missing");
  EXPECT_EQ(options_.image.name, kOwnImage);
  EXPECT_TRUE(options_.image.has_agent);
  EXPECT_THAT(options_.mirrors.registries, ElementsAre("a.io", "b.io"));
  EXPECT_EQ(options_.mirrors.folder, "/etc/hosts.d");
}

TEST_F(KeepSettingsTest, WhatIsSaidCounts) {
  options_.image = {.name = "registry.k8s.io/pause:3.10"};
  options_.mirrors = {.registries = {"c.io"}, .folder = "/etc/other.d"};
  options_.lift_taint = "other.io/missing";
  EXPECT_EQ(KeepSettings(running_, options_), "");
  EXPECT_EQ(options_.image.name, "registry.k8s.io/pause:3.10");
  EXPECT_FALSE(options_.image.has_agent);
  EXPECT_THAT(options_.mirrors.registries, ElementsAre("c.io"));
  EXPECT_EQ(options_.lift_taint, "other.io/missing");
  EXPECT_EQ(options_.mirrors.folder, "/etc/other.d");
}

TEST_F(KeepSettingsTest, NothingRunsNothingIsKept) {
  EXPECT_EQ(KeepSettings({}, options_), "");
  EXPECT_EQ(options_.image.name, "");
}

}  // namespace
}  // namespace lighter
