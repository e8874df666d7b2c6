// The parts of `lighter agent install` that decide: which image to borrow, what the objects say,
// what the API server's answers mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_format.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/borrow.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/member_secret.h"
#include "coordinator/install/node_folders.h"
#include "coordinator/install/site.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kPause[] = "registry.k8s.io/pause:3.10";
constexpr char kProxy[] = "registry.k8s.io/kube-proxy:v1.35.4";

SiteNode MakeNode(const std::string& name, std::set<std::string> reported,
                  std::set<std::string> daemonsets = {}) {
  return {.name = name,
          .hostname = name + "-host",
          .architecture = "amd64",
          .kubelet_version = "v1.35.4",
          .kubelet_minor = 35,
          .socket = "/run/containerd/containerd.sock",
          .containerd_root = "/var/lib/containerd",
          .config_path = "/etc/containerd/certs.d",
          .refused_folder = "",
          .pull_records = "",
          .reported_images = std::move(reported),
          .daemonset_images = std::move(daemonsets),
          .agent_image = "",
          .daemon_set = "",
          .credential_images = {}};
}

std::vector<std::string> NodeNames(const AgentGroup& group) {
  std::vector<std::string> names;
  for (const SiteNode& node : group.nodes) names.push_back(node.name);
  return names;
}

// The sandbox image is on nodes that join later, too.
TEST(ChooseGroupsTest, ThePauseImageComesBeforeADaemonSetsAndThatBeforeOthers) {
  for (const bool has_pause : {true, false}) {
    std::set<std::string> reported = {"app:1"};
    if (has_pause) reported.insert(kPause);
    const Grouping grouping = ChooseGroups(
        {MakeNode("a", reported, {kProxy}), MakeNode("b", reported, {kProxy})}, {}, {});
    ASSERT_THAT(grouping.groups, SizeIs(1));
    EXPECT_EQ(grouping.groups[0].image, has_pause ? kPause : kProxy);
    EXPECT_THAT(NodeNames(grouping.groups[0]), ElementsAre("a", "b"));
  }
}

// What lighter brings is not on a node before its agent runs.
TEST(LeaveOutHeldTest, NoAgentStartsFromWhatItWouldHaveToBring) {
  SiteNode node = MakeNode("a", {"docker.io/library/app:1", kProxy}, {"app:1", kProxy});
  node.agent_image = "app:1";
  std::vector<SiteNode> nodes = {node};
  LeaveOutHeld({"docker.io/library/app:1"}, nodes);
  EXPECT_EQ(nodes[0].agent_image, "");
  EXPECT_THAT(nodes[0].reported_images, ElementsAre(kProxy));
  EXPECT_EQ(ChooseGroups(nodes, {}, {}).groups.at(0).image, kProxy);
  nodes = {MakeNode("b", {"docker.io/library/app:1"})};
  LeaveOutHeld({"docker.io/library/app:1"}, nodes);
  EXPECT_EQ(ChooseGroups(nodes, {}, {}).groups.at(0).image, "docker.io/library/app:1");
}

TEST(ChooseGroupsTest, CoverageCountsMoreThanTheKindOfEvidence) {
  const Grouping grouping =
      ChooseGroups({MakeNode("a", {kPause}, {kProxy}), MakeNode("b", {kPause})}, {}, {});
  ASSERT_THAT(grouping.groups, SizeIs(1));
  EXPECT_EQ(grouping.groups[0].image, kPause);
}

TEST(ChooseGroupsTest, SeveralGroupsWhereNoImageCoversAll) {
  const Grouping grouping =
      ChooseGroups({MakeNode("a", {"x:1"}), MakeNode("b", {"x:1", "y:1"}), MakeNode("c", {"y:1"}),
                    MakeNode("d", {"x:1"}), MakeNode("e", {})},
                   {}, {});
  ASSERT_THAT(grouping.groups, SizeIs(3));
  EXPECT_EQ(grouping.groups[0].image, "x:1");
  EXPECT_THAT(NodeNames(grouping.groups[0]), ElementsAre("a", "b", "d"));
  EXPECT_THAT(NodeNames(grouping.groups[1]), ElementsAre("c"));
  EXPECT_THAT(NodeNames(grouping.groups[2]), ElementsAre("e"));
}

// Where enough larger images are, kubelet does not report the sandbox image, though it is there.
TEST(ChooseGroupsTest, SandboxImagesAreGuessedWhereNothingElseIsKnown) {
  constexpr char kOurPause[] = "mirror.example.com/pause:9";
  ImageBans bans;
  std::set<std::string> tried;
  while (true) {
    const Grouping grouping = ChooseGroups(
        {MakeNode("a", {kOurPause, "x:1"}), MakeNode("b", {"x:1", "y:1"}), MakeNode("e", {})}, {},
        bans);
    EXPECT_EQ(NodeNames(grouping.groups.at(0)).front(), "a");
    if (!grouping.without.empty()) {
      EXPECT_EQ(grouping.without[0].name, "e");
      EXPECT_THAT(grouping.without[0].cause, HasSubstr("--borrow-image"));
      break;
    }
    ASSERT_THAT(grouping.groups, SizeIs(2));
    EXPECT_THAT(grouping.groups[1].evidence, HasSubstr("guess"));
    ASSERT_TRUE(tried.insert(grouping.groups[1].image).second);
    bans.emplace(grouping.groups[1].image, "e");
  }
  EXPECT_THAT(tried, ::testing::IsSupersetOf({kOurPause, kPause}));
}

TEST(ChooseGroupsTest, AnImagePulledWithCredentialsIsLeftAloneFromKubelet135On) {
  SiteNode node = MakeNode("a", {}, {"private/cni:1"});
  node.credential_images = {"private/cni:1"};
  for (const AgentGroup& group : ChooseGroups({node}, {}, {}).groups) {
    EXPECT_NE(group.image, "private/cni:1");
  }
  node.kubelet_minor = 34;
  EXPECT_EQ(ChooseGroups({node}, {}, {}).groups.at(0).image, "private/cni:1");
}

TEST(ChooseGroupsTest, ABannedImageIsNotTriedThereAgain) {
  const Grouping grouping =
      ChooseGroups({MakeNode("a", {kPause, "x:1"}), MakeNode("b", {kPause, "x:1"})}, {},
                   {{kPause, "a"}, {"x:1", "b"}});
  ASSERT_THAT(grouping.groups, SizeIs(2));
  for (const AgentGroup& group : grouping.groups) {
    EXPECT_THAT(NodeNames(group), ElementsAre(group.image == kPause ? "b" : "a"));
  }
}

TEST(ChooseGroupsTest, WhatAgentsRunFromNowStays) {
  SiteNode a = MakeNode("a", {kPause}, {kProxy});
  a.agent_image = kPause;
  SiteNode b = MakeNode("b", {kPause}, {kProxy});
  b.agent_image = kPause;
  EXPECT_EQ(ChooseGroups({a, b}, {}, {}).groups.at(0).image, kPause);
}

TEST(ChooseGroupsTest, NodesOfOtherSocketsAreGroupsOfTheirOwnEvenWithAGivenImage) {
  SiteNode k3s = MakeNode("b", {});
  k3s.socket = "/run/k3s/containerd/containerd.sock";
  EXPECT_THAT(ChooseGroups({MakeNode("a", {}), k3s}, {.name = "given:1"}, {}).groups, SizeIs(2));
}

TEST(IsNowhereTest, OnlyWhereEveryNodeTellsOfAllThatItHolds) {
  EXPECT_TRUE(IsNowhere({MakeNode("a", {kPause})}, "busybox"));
  EXPECT_TRUE(IsNowhere({MakeNode("a", {kPause})}, "no reference at all"));
  EXPECT_FALSE(IsNowhere(
      {MakeNode("a", {kPause}), MakeNode("b", {"docker.io/library/busybox:latest"})}, "busybox"));
  EXPECT_FALSE(IsNowhere({MakeNode("a", {kPause}), MakeNode("b", {})}, "busybox"));
  SiteNode in_part = MakeNode("a", {kPause});
  in_part.reports_in_part = true;
  EXPECT_FALSE(IsNowhere({in_part}, "busybox"));
  // However many there are, where they are all.
  std::set<std::string> many;
  for (int i = 0; i < 100; ++i) many.insert(absl::StrCat("x:", i));
  EXPECT_TRUE(IsNowhere({MakeNode("a", many)}, "busybox"));
}

json NodeItem(const std::string& name, const std::string& os, const std::string& runtime,
              bool ready) {
  return {
      {"metadata", {{"name", name}, {"labels", {{"kubernetes.io/hostname", name}}}}},
      {"status",
       {{"nodeInfo",
         {{"operatingSystem", os},
          {"architecture", "amd64"},
          {"kubeletVersion", "v1.35.4+k3s1"},
          {"containerRuntimeVersion", runtime}}},
        {"images", json::array({{{"names", {"pause@sha256:1", kPause}}}})},
        {"conditions", json::array({{{"type", "Ready"}, {"status", ready ? "True" : "False"}}})}}}};
}

class ManifestsTest : public ::testing::Test {
 protected:
  AgentManifests Make(const Grouping& grouping) const { return MakeManifests(payload_, grouping); }

  static const json& Pod(const json& daemon_set) {
    return daemon_set.at("spec").at("template").at("spec");
  }

  const std::string bytes_ = std::string(2 * 768 * kKiB + 5, 'x');
  const AgentPayload payload_ = {.architecture = "amd64",
                                 .boot = "boot bytes",
                                 .compressed = bytes_,
                                 .sha256 = std::string(64, 'a'),
                                 .unpacked_size = 12345};
};

TEST_F(ManifestsTest, ConfigMapsAreImmutableNamedByContentAndSmallEnough) {
  const AgentManifests manifests = Make(ChooseGroups({MakeNode("a", {kPause})}, {}, {}));
  ASSERT_THAT(manifests.config_maps, SizeIs(4));  // the first stage and three chunks
  std::set<std::string> names;
  for (const json& config_map : manifests.config_maps) {
    EXPECT_EQ(config_map.at("immutable"), true);
    EXPECT_LT(config_map.dump().size(), 1100 * kKiB);  // etcd takes 1.5 MiB a request
    names.insert(config_map.at("metadata").at("name").get<std::string>());
  }
  EXPECT_THAT(names, SizeIs(4));
  AgentPayload other = payload_;
  other.sha256 = std::string(64, 'b');
  const AgentManifests next = MakeManifests(other, ChooseGroups({MakeNode("a", {kPause})}, {}, {}));
  EXPECT_FALSE(names.contains(next.config_maps[1].at("metadata").at("name").get<std::string>()));
}

TEST_F(ManifestsTest, TheProjectedVolumeNamesEveryChunkOfOnePayload) {
  const AgentManifests manifests = Make(ChooseGroups({MakeNode("a", {kPause})}, {}, {}));
  std::vector<std::string> mounted;
  for (const json& volume : Pod(manifests.daemon_sets.at(0)).at("volumes")) {
    if (volume.at("name") != "chunks") continue;
    for (const json& source : volume.at("projected").at("sources")) {
      mounted.push_back(source.at("configMap").at("name"));
    }
  }
  std::vector<std::string> made;
  for (size_t i = 1; i < manifests.config_maps.size(); ++i) {
    made.push_back(manifests.config_maps[i].at("metadata").at("name"));
  }
  EXPECT_EQ(mounted, made);
}

TEST_F(ManifestsTest, AsksForNoMoreThanItNeeds) {
  const AgentManifests manifests = Make(ChooseGroups({MakeNode("a", {kPause})}, {}, {}));
  const json& pod = Pod(manifests.daemon_sets.at(0));
  EXPECT_EQ(pod.at("automountServiceAccountToken"), false);
  const json& container = pod.at("containers").at(0);
  EXPECT_EQ(container.at("imagePullPolicy"), "Never");
  const json& security = container.at("securityContext");
  EXPECT_EQ(security.at("privileged"), false);
  EXPECT_EQ(security.at("allowPrivilegeEscalation"), false);
  EXPECT_EQ(security.at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(security.at("capabilities").at("drop"), json::array({"ALL"}));
  std::vector<std::string> writable;
  for (const json& mount : container.at("volumeMounts")) {
    if (!mount.value("readOnly", false)) writable.push_back(mount.at("mountPath"));
  }
  EXPECT_THAT(writable, UnorderedElementsAre("/lighter/run", "/var/lib/containerd"));
}

TEST_F(ManifestsTest, AnImageOfItsOwnNeedsNoConfigMaps) {
  const std::vector<SiteNode> nodes = {MakeNode("a", {kPause})};
  const AgentManifests own = Make(ChooseGroups(nodes, {"registry.example.com/agent:1", true}, {}));
  EXPECT_THAT(own.config_maps, IsEmpty());
  const json& container = Pod(own.daemon_sets.at(0)).at("containers").at(0);
  EXPECT_EQ(container.at("image"), "registry.example.com/agent:1");
  EXPECT_EQ(container.at("imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(container.at("command"), json::array({"/lighter-agent"}));
  for (const json& mount : container.at("volumeMounts")) {
    EXPECT_NE(mount.at("name"), "chunks");
    EXPECT_NE(mount.at("name"), "boot");
  }
  const AgentManifests borrowed = Make(ChooseGroups(nodes, {"registry.example.com/agent:1"}, {}));
  EXPECT_NE(own.daemon_sets[0].at("metadata").at("name"),
            borrowed.daemon_sets.at(0).at("metadata").at("name"));
}

TEST_F(ManifestsTest, WithoutAKnownRootTheAgentMountsNoneAndIsThereToTellIt) {
  SiteNode node = MakeNode("a", {kPause});
  node.containerd_root = "";
  const json pod = Pod(Make(ChooseGroups({node}, {}, {})).daemon_sets.at(0));
  for (const json& volume : pod.at("volumes")) EXPECT_NE(volume.at("name"), "root");
  for (const json& mount : pod.at("containers").at(0).at("volumeMounts")) {
    EXPECT_NE(mount.at("name"), "root");
  }
  EXPECT_THAT(pod.at("containers").at(0).at("args").get<std::vector<std::string>>(),
              ::testing::Contains("--expect-root=nothing"));
}

TEST_F(ManifestsTest, MemberAndListMayBeMissingAndAreReadOnly) {
  const json pod = Pod(Make(ChooseGroups({MakeNode("a", {kPause})}, {}, {})).daemon_sets.at(0));
  std::map<std::string, json> volumes;
  for (const json& volume : pod.at("volumes")) volumes[volume.at("name")] = volume;
  EXPECT_EQ(volumes.at("member").at("secret"),
            json({{"secretName", "lighter-member"}, {"optional", true}, {"defaultMode", 0400}}));
  EXPECT_EQ(volumes.at("desired").at("configMap").at("name"), "lighter-desired");
  EXPECT_EQ(volumes.at("desired").at("configMap").at("optional"), true);
  std::map<std::string, json> mounts;
  for (const json& mount : pod.at("containers").at(0).at("volumeMounts")) {
    mounts[mount.at("name")] = mount;
  }
  EXPECT_EQ(mounts.at("member"),
            json({{"name", "member"}, {"mountPath", "/lighter/member"}, {"readOnly", true}}));
  EXPECT_EQ(mounts.at("desired"),
            json({{"name", "desired"}, {"mountPath", "/lighter/desired"}, {"readOnly", true}}));
  const std::vector<std::string> args = pod.at("containers").at(0).at("args");
  EXPECT_THAT(
      args, ::testing::IsSupersetOf({"--desired-file=/lighter/desired/desired",
                                     "--member-dir=/lighter/member", "--registry=127.0.0.1:7444"}));
}

TEST_F(ManifestsTest, PullRecordsAreReadOnlyAndOfTheirOwnGroup) {
  SiteNode node = MakeNode("a", {kPause});
  node.pull_records = "/var/lib/kubelet/image_manager";
  const Grouping grouping = ChooseGroups({node, MakeNode("b", {kPause})}, {}, {});
  ASSERT_THAT(grouping.groups, SizeIs(2));
  const AgentManifests manifests = Make(grouping);
  EXPECT_NE(manifests.daemon_sets[0].at("metadata").at("name"),
            manifests.daemon_sets[1].at("metadata").at("name"));
  size_t found = 0;
  for (const json& daemon_set : manifests.daemon_sets) {
    for (const json& mount : Pod(daemon_set).at("containers").at(0).at("volumeMounts")) {
      if (mount.at("mountPath") != "/var/lib/kubelet/image_manager") continue;
      EXPECT_EQ(mount.at("readOnly"), true);
      ++found;
    }
  }
  EXPECT_EQ(found, 1);
}

// Otherwise each installation would try the folder anew, and all agents of the group start twice.
TEST_F(ManifestsTest, PullRecordsThatWereNotFoundAreRememberedByThePods) {
  SiteNode node = MakeNode("a", {kPause});
  node.pull_records = kNoPullRecords;
  const json daemon_set = Make(ChooseGroups({node}, {}, {})).daemon_sets.at(0);
  for (const json& volume : Pod(daemon_set).at("volumes")) {
    EXPECT_NE(volume.at("name"), "pull-records");
  }
  json pod = SamplePod(daemon_set);
  pod["spec"]["nodeName"] = "a";
  pod["status"]["containerStatuses"] =
      json::array({{{"name", "agent"}, {"containerID", "containerd://1"}}});
  const json nodes = {{"items", json::array({NodeItem("a", "linux", "containerd://2.3.7", true)})}};
  const auto site = ParseSite(nodes.dump(), json({{"items", json::array({pod})}}).dump());
  ASSERT_TRUE(site.ok()) << site.status();
  EXPECT_EQ(site->nodes.at(0).pull_records, kNoPullRecords);
  EXPECT_EQ(site->nodes.at(0).containerd_root, "/var/lib/containerd");
}

TEST_F(ManifestsTest, MirrorsAreMountedOnlyWhereTheyAreAskedFor) {
  const Grouping grouping = ChooseGroups({MakeNode("a", {kPause})}, {}, {});
  const std::string without = Make(grouping).daemon_sets.at(0).dump();
  EXPECT_THAT(without, ::testing::Not(HasSubstr("certs.d")));
  const auto pod = [&](const MirrorSettings& mirrors) {
    return Pod(MakeManifests(payload_, grouping, mirrors).daemon_sets.at(0));
  };
  const json with = pod({.registries = {"docker.io", "10.0.0.5:5000"}, .folder = ""});
  EXPECT_THAT(with.at("volumes").dump(), HasSubstr("\"/etc/containerd/certs.d\""));
  const json& container = with.at("containers").at(0);
  const std::vector<std::string> args = container.at("args");
  EXPECT_THAT(args, ::testing::IsSupersetOf({"--mirror=docker.io", "--mirror=10.0.0.5:5000"}));
  EXPECT_THAT(container.at("env"),
              ::testing::Contains(
                  json({{"name", "LIGHTER_MIRROR_DIR"}, {"value", "/etc/containerd/certs.d"}})));
  EXPECT_THAT(pod({.registries = {"docker.io"}, .folder = "/etc/hosts.d"}).at("volumes").dump(),
              HasSubstr("\"/etc/hosts.d\""));
}

// Else the pod could not start, and each installation would try that anew, with the agents of all
// nodes of the group.
TEST_F(ManifestsTest, AFolderThatCannotBeMadeIsDoneWithoutAndRememberedByThePods) {
  const MirrorSettings mirrors = {.registries = {"docker.io"}, .folder = ""};
  std::vector<SiteNode> nodes = {MakeNode("a", {kPause}), MakeNode("b", {kPause})};
  nodes[0].refused_folder = nodes[0].config_path;
  const Grouping grouping = ChooseGroups(nodes, {}, {});
  ASSERT_THAT(grouping.groups, SizeIs(2));
  const AgentManifests manifests = MakeManifests(payload_, grouping, mirrors);
  EXPECT_NE(manifests.daemon_sets[0].at("metadata").at("name"),
            manifests.daemon_sets[1].at("metadata").at("name"));
  const size_t without = NodeNames(grouping.groups[0]).front() == "a" ? 0 : 1;
  const json& daemon_set = manifests.daemon_sets[without];
  EXPECT_THAT(Pod(daemon_set).dump(), ::testing::Not(HasSubstr("certs.d")));
  EXPECT_THAT(Pod(manifests.daemon_sets[1 - without]).dump(), HasSubstr("certs.d"));
  // The agent tells of it.
  EXPECT_THAT(Pod(daemon_set).at("containers").at(0).at("args").get<std::vector<std::string>>(),
              ::testing::Contains("--mirror=docker.io"));

  json pod = SamplePod(daemon_set);
  pod["spec"]["nodeName"] = "a";
  pod["status"]["containerStatuses"] =
      json::array({{{"name", "agent"}, {"containerID", "containerd://1"}}});
  const json listed = {
      {"items", json::array({NodeItem("a", "linux", "containerd://2.3.7", true)})}};
  const auto site = ParseSite(listed.dump(), json({{"items", json::array({pod})}}).dump());
  ASSERT_TRUE(site.ok()) << site.status();
  nodes = site->nodes;
  EXPECT_EQ(nodes.at(0).refused_folder, "/etc/containerd/certs.d");
  nodes[0].config_path = "/etc/containerd/certs.d";
  ForgetRefusedFolders(mirrors, nodes);
  EXPECT_EQ(nodes[0].refused_folder, "/etc/containerd/certs.d");
  std::vector<SiteNode> elsewhere = nodes;
  ForgetRefusedFolders({.registries = {"docker.io"}, .folder = "/etc/hosts.d"}, elsewhere);
  EXPECT_EQ(elsewhere[0].refused_folder, "");
  ForgetRefusedFolders({}, nodes);
  EXPECT_EQ(nodes[0].refused_folder, "");
}

// SendPayloadAgain deletes what the manifests hold: the list must not be among it.
TEST_F(ManifestsTest, TheListIsNoPartOfTheManifests) {
  for (const json& config_map : Make(ChooseGroups({MakeNode("a", {kPause})}, {}, {})).config_maps) {
    EXPECT_NE(config_map.at("metadata").at("name"), "lighter-desired");
  }
}

class NodeFoldersTest : public ::testing::Test {
 protected:
  static InstalledPod PodOn(const std::string& node) {
    InstalledPod pod;
    pod.node = node;
    pod.name = "pod-" + node;
    return pod;
  }
  static std::string FailedMount(const std::string& volume) {
    return "FailedMount: MountVolume.SetUp failed for volume \"" + volume +
           "\" : hostPath type check failed: /x is not a directory";
  }

  std::vector<std::string> said_;
  const std::function<void(const std::string&)> say_ = [this](const std::string& line) {
    said_.push_back(line);
  };
  NodeFolders folders_{say_};
  std::vector<SiteNode> nodes_ = {MakeNode("a", {}), MakeNode("b", {})};
};

TEST_F(NodeFoldersTest, TheRootThatAnAgentToldIsTriedOnce) {
  InstalledPod pod = PodOn("a");
  pod.told_root = "/data";
  EXPECT_TRUE(folders_.Correct({pod, PodOn("b")}, {}, nodes_));
  EXPECT_EQ(nodes_[0].containerd_root, "/data");
  EXPECT_EQ(nodes_[1].containerd_root, "/var/lib/containerd");
  EXPECT_THAT(said_, ElementsAre("a: containerd's root is /data"));
  pod.told_root = "/other";  // an agent that tells another one each time ends in the report
  EXPECT_TRUE(folders_.Correct({pod}, {}, nodes_));
  pod.told_root = "/data";
  EXPECT_FALSE(folders_.Correct({pod}, {}, nodes_));
  EXPECT_EQ(nodes_[0].containerd_root, "/other");
}

TEST_F(NodeFoldersTest, AFolderThatIsNotThereIsDoneWithout) {
  nodes_[1].pull_records = "/var/lib/kubelet/image_manager";
  const AgentWarnings warnings = {{"Pod/pod-a", FailedMount("root")},
                                  {"Pod/pod-b", FailedMount("pull-records")}};
  EXPECT_TRUE(folders_.Correct({PodOn("a"), PodOn("b")}, warnings, nodes_));
  EXPECT_EQ(nodes_[0].containerd_root, "");
  EXPECT_EQ(nodes_[1].containerd_root, "/var/lib/containerd");
  EXPECT_EQ(nodes_[1].pull_records, kNoPullRecords);
  EXPECT_FALSE(folders_.Correct({PodOn("a"), PodOn("b")}, warnings, nodes_));
}

TEST_F(NodeFoldersTest, AFolderForMirrorsThatCannotBeMadeIsDoneWithout) {
  InstalledPod pod = PodOn("b");
  pod.mirror_folder = "/etc/containerd/certs.d";
  const AgentWarnings warnings = {
      {"Pod/pod-b",
       "FailedMount: MountVolume.SetUp failed for volume \"mirrors\" : mkdir "
       "/etc/containerd/certs.d: read-only file system"}};
  EXPECT_TRUE(folders_.Correct({PodOn("a"), pod}, warnings, nodes_));
  EXPECT_EQ(nodes_[0].refused_folder, "");
  EXPECT_EQ(nodes_[1].refused_folder, "/etc/containerd/certs.d");
  EXPECT_THAT(said_, ElementsAre(HasSubstr("read-only file system")));
  EXPECT_FALSE(folders_.Correct({pod}, warnings, nodes_));
}

TEST_F(NodeFoldersTest, PodsThatRunAndWarningsOfOthersChangeNothing) {
  InstalledPod running = PodOn("a");
  running.running = true;
  const AgentWarnings warnings = {{"Pod/pod-a", FailedMount("root")},
                                  {"Pod/pod-b", FailedMount("socket")},
                                  {"Pod/pod-c", FailedMount("root")}};
  EXPECT_FALSE(folders_.Correct({running, PodOn("b"), PodOn("c")}, warnings, nodes_));
  EXPECT_THAT(said_, IsEmpty());
}

TEST(MemberSecretTest, IsKeptForAsLongAsItLastsAndIsOfThisAuthority) {
  const absl::Time now = absl::Now();
  const absl::StatusOr<Authority> authority = MakeAuthority(now);
  const absl::StatusOr<Authority> other = MakeAuthority(now);
  ASSERT_TRUE(authority.ok() && other.ok());
  const absl::StatusOr<json> secret = MakeMemberSecret(*authority, now);
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->at("type"), "kubernetes.io/tls");
  // What `lighter agent uninstall` deletes by.
  EXPECT_EQ(secret->at("metadata").at("labels").at("app.kubernetes.io/managed-by"), "lighter");
  EXPECT_EQ(secret->at("metadata").at("labels").at("app.kubernetes.io/name"), "lighter-agent");

  EXPECT_TRUE(IsLastingMember(secret->dump(), *authority, now));
  EXPECT_TRUE(IsLastingMember(secret->dump(), *authority, now + absl::Hours(24 * 700)));
  EXPECT_FALSE(IsLastingMember(secret->dump(), *authority, now + absl::Hours(24 * 800)));
  EXPECT_FALSE(IsLastingMember(secret->dump(), *other, now));
  EXPECT_FALSE(IsLastingMember("", *authority, now));
  json damaged = *secret;
  damaged["data"]["tls.key"] = "!";
  EXPECT_FALSE(IsLastingMember(damaged.dump(), *authority, now));
}

// Nothing can be renewed past its authority's end; each run trying to would change the Secret.
TEST(MemberSecretTest, OneThatLastsAsLongAsItsAuthorityIsKept) {
  const absl::Time then = absl::Now() + kAuthorityLifetime - absl::Hours(24 * 100);
  const absl::StatusOr<Authority> authority = MakeAuthority();
  ASSERT_TRUE(authority.ok()) << authority.status();
  const absl::StatusOr<json> secret = MakeMemberSecret(*authority, then);
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_TRUE(IsLastingMember(secret->dump(), *authority, then));
}

TEST_F(ManifestsTest, PodsSayWhatTheyWereMadeFrom) {
  const json first = Make(ChooseGroups({MakeNode("a", {kPause})}, {}, {})).daemon_sets.at(0);
  AgentPayload payload = payload_;
  payload.sha256 = std::string(64, 'b');
  const json second =
      MakeManifests(payload, ChooseGroups({MakeNode("a", {kPause})}, {}, {})).daemon_sets.at(0);
  EXPECT_NE(TemplateHash(first), TemplateHash(second));
  EXPECT_FALSE(first.at("spec").at("selector").at("matchLabels").contains(kTemplateHashLabel));
}

TEST_F(ManifestsTest, TheLargestGroupTakesNodesThatJoinLater) {
  const AgentManifests manifests = Make(ChooseGroups(
      {MakeNode("a", {"x:1"}), MakeNode("b", {"x:1"}), MakeNode("c", {"y:1"})}, {}, {}));
  ASSERT_THAT(manifests.daemon_sets, SizeIs(2));
  const auto expression = [](const json& daemon_set) {
    return Pod(daemon_set)
        .at("affinity")
        .at("nodeAffinity")
        .at("requiredDuringSchedulingIgnoredDuringExecution")
        .at("nodeSelectorTerms")
        .at(0)
        .at("matchExpressions")
        .at(0);
  };
  EXPECT_EQ(expression(manifests.daemon_sets[0]), json({{"key", "kubernetes.io/hostname"},
                                                        {"operator", "NotIn"},
                                                        {"values", json::array({"c-host"})}}));
  EXPECT_EQ(expression(manifests.daemon_sets[1]), json({{"key", "kubernetes.io/hostname"},
                                                        {"operator", "In"},
                                                        {"values", json::array({"c-host"})}}));
  EXPECT_NE(manifests.daemon_sets[0].at("metadata").at("name"),
            manifests.daemon_sets[1].at("metadata").at("name"));
}

TEST(ParseSiteTest, KeepsReadyLinuxNodesWithContainerdAndSaysWhyNotTheOthers) {
  const json nodes = {{"items",
                       {NodeItem("a", "linux", "containerd://2.3.7", true),
                        NodeItem("b", "windows", "containerd://2.3.7", true),
                        NodeItem("c", "linux", "cri-o://1.35", true),
                        NodeItem("d", "linux", "containerd://1.6.20", false)}}};
  const absl::StatusOr<Site> site = ParseSite(nodes.dump(), R"({"items": []})");
  ASSERT_TRUE(site.ok()) << site.status();
  ASSERT_THAT(site->nodes, SizeIs(1));
  EXPECT_EQ(site->nodes[0].kubelet_minor, 35);
  EXPECT_THAT(site->nodes[0].reported_images, UnorderedElementsAre("pause@sha256:1", kPause));
  ASSERT_THAT(site->skipped, SizeIs(3));
  EXPECT_THAT(site->skipped[0].cause, HasSubstr("windows"));
  EXPECT_THAT(site->skipped[1].cause, HasSubstr("cri-o"));
  EXPECT_THAT(site->skipped[2].cause, HasSubstr("not Ready"));
}

TEST(ParseSiteTest, AnImageWithFiveNamesMayHaveMore) {
  json node = NodeItem("a", "linux", "containerd://2.3.7", true);
  const auto in_part = [&](const json& names) {
    node["status"]["images"] = json::array({{{"names", names}}});
    const auto site = ParseSite(json({{"items", json::array({node})}}).dump(), R"({"items": []})");
    EXPECT_TRUE(site.ok()) << site.status();
    EXPECT_EQ(site->nodes.at(0).reported_count, 1);
    return site->nodes.at(0).reports_in_part;
  };
  EXPECT_FALSE(in_part({"a", "b", "c", "d"}));
  EXPECT_TRUE(in_part({"a", "b", "c", "d", "e"}));
}

TEST(ParseSiteTest, OnlyStartedContainersOfDaemonSetsAreEvidence) {
  const auto pod = [](const char* owner, const char* image, bool started, bool secret) {
    json item = {
        {"metadata", {{"ownerReferences", json::array({{{"kind", owner}}})}}},
        {"spec",
         {{"nodeName", "a"}, {"containers", json::array({{{"name", "c"}, {"image", image}}})}}},
        {"status",
         {{"containerStatuses",
           json::array({{{"name", "c"}, {"containerID", started ? "containerd://1" : ""}}})}}}};
    if (secret) item["spec"]["imagePullSecrets"] = json::array({{{"name", "s"}}});
    return item;
  };
  const json nodes = {{"items", json::array({NodeItem("a", "linux", "containerd://2.3.7", true)})}};
  const json pods = {
      {"items",
       {pod("DaemonSet", "cni:1", true, false), pod("DaemonSet", "hung:1", false, false),
        pod("ReplicaSet", "app:1", true, false), pod("DaemonSet", "secret:1", true, true)}}};
  const absl::StatusOr<Site> site = ParseSite(nodes.dump(), pods.dump());
  ASSERT_TRUE(site.ok()) << site.status();
  EXPECT_THAT(site->nodes[0].daemonset_images, UnorderedElementsAre("cni:1", "secret:1"));
  EXPECT_THAT(site->nodes[0].credential_images, UnorderedElementsAre("secret:1"));
}

TEST(ParseRuntimeSocketTest, TakesUnixSocketsOnly) {
  const auto parse = [](const std::string& endpoint) {
    return ParseRuntimeSocket(
        json({{"kubeletconfig", {{"containerRuntimeEndpoint", endpoint}}}}).dump());
  };
  EXPECT_EQ(parse("unix:///run/k3s/containerd/containerd.sock").value(),
            "/run/k3s/containerd/containerd.sock");
  EXPECT_EQ(parse("/run/containerd/containerd.sock").value(), "/run/containerd/containerd.sock");
  EXPECT_FALSE(parse("npipe:////./pipe/containerd").ok());
  EXPECT_FALSE(parse("").ok());
  EXPECT_FALSE(ParseRuntimeSocket("not json").ok());
}

TEST(ParseMaxImagesTest, FiftyUnlessKubeletSaysOtherwise) {
  const auto parse = [](const json& kubelet) {
    return ParseMaxImages(json({{"kubeletconfig", kubelet}}).dump());
  };
  EXPECT_EQ(parse({{"nodeStatusMaxImages", 7}}), 7);
  EXPECT_EQ(parse({{"nodeStatusMaxImages", -1}}), -1);
  EXPECT_EQ(parse({{"nodeStatusMaxImages", "many"}}), 50);
  EXPECT_EQ(parse({{"failSwapOn", false}}), 50);
  EXPECT_EQ(ParseMaxImages("not json"), 50);
}

TEST(LayoutTest, K3sAndRke2ShareASocketAndNothingElse) {
  const std::string socket = "/run/k3s/containerd/containerd.sock";
  EXPECT_EQ(LayoutOf(socket, "v1.35.4+k3s1").containerd_root,
            "/var/lib/rancher/k3s/agent/containerd");
  EXPECT_EQ(LayoutOf(socket, "v1.35.4+rke2r1").containerd_root,
            "/var/lib/rancher/rke2/agent/containerd");
  EXPECT_EQ(LayoutOf(socket, "v1.35.4+rke2r1").config_path,
            "/var/lib/rancher/rke2/agent/etc/containerd/certs.d");
}

TEST(LayoutTest, OthersHaveTheDefaults) {
  const NodeLayout layout = LayoutOf("/run/containerd/containerd.sock", "v1.35.4");
  EXPECT_EQ(layout.containerd_root, "/var/lib/containerd");
  EXPECT_EQ(layout.config_path, "/etc/containerd/certs.d");
  EXPECT_EQ(layout.kubelet_root, "/var/lib/kubelet");
}

TEST(KeepsPullRecordsTest, OnlyWithTheGateHasThePolicyAValue) {
  const auto config = [](const json& kubelet) { return json({{"kubeletconfig", kubelet}}).dump(); };
  EXPECT_TRUE(KeepsPullRecords(
      config({{"imagePullCredentialsVerificationPolicy", "NeverVerifyPreloadedImages"}})));
  EXPECT_FALSE(KeepsPullRecords(config({{"imagePullCredentialsVerificationPolicy", ""}})));
  EXPECT_FALSE(KeepsPullRecords(config({{"failSwapOn", false}})));
  EXPECT_FALSE(KeepsPullRecords("not json"));
}

TEST(IsAboutVolumeTest, KubeletsWords) {
  const std::string warning =
      "FailedMount: MountVolume.SetUp failed for volume \"pull-records\" : hostPath type check "
      "failed: /var/lib/kubelet/image_manager is not a directory";
  EXPECT_TRUE(IsAboutVolume(warning, kPullRecordsVolume));
  EXPECT_FALSE(IsAboutVolume(warning, "root"));
  EXPECT_FALSE(IsAboutVolume("Failed: volume \"pull-records\"", kPullRecordsVolume));
}

json AgentPodItem(const json& status) {
  return {
      {"metadata", {{"name", "lighter-agent-x"}, {"labels", {{kTemplateHashLabel, "abc"}}}}},
      {"spec",
       {{"nodeName", "node1"},
        {"containers", json::array({{{"name", "agent"},
                                     {"image", kPause},
                                     {"args", {"--state-dir=/var/lib/containerd/lighter"}}}})}}},
      {"status", status}};
}

InstalledPod ParseOne(const json& status) {
  const auto pods = ParseAgentPods(json({{"items", json::array({AgentPodItem(status)})}}).dump());
  EXPECT_TRUE(pods.ok()) << pods.status();
  return pods->at(0);
}

TEST(ParseAgentPodsTest, ReadsWhatThePodWasStartedWith) {
  const InstalledPod pod =
      ParseOne({{"podIP", "10.0.0.5"},
                {"containerStatuses",
                 json::array({{{"name", "agent"}, {"state", {{"running", json::object()}}}}})}});
  EXPECT_EQ(pod.template_hash, "abc");
  EXPECT_FALSE(pod.terminating);
  EXPECT_EQ(pod.state_folder, "/var/lib/containerd/lighter");
  EXPECT_EQ(pod.address, "10.0.0.5:7443");
  EXPECT_TRUE(pod.running);
  EXPECT_EQ(pod.problem, "");
}

TEST(ParseAgentPodsTest, WhatTheFirstStageSaidCountsMoreThanCrashLoop) {
  const InstalledPod pod = ParseOne(
      {{"containerStatuses",
        json::array(
            {{{"name", "agent"},
              {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "back-off"}}}}},
              {"lastState",
               {{"terminated",
                 {{"message", "lighter-boot: chunk-003 is missing\n"}, {"exitCode", 65}}}}}}})}});
  EXPECT_EQ(pod.problem, "lighter-boot: chunk-003 is missing");
  EXPECT_EQ(pod.boot_exit, 65);
  EXPECT_TRUE(IsDamagedPayload(pod.boot_exit));
  EXPECT_FALSE(IsDamagedPayload(69));  // noexec is that node's own matter
}

TEST(ParseAgentPodsTest, TellsAnImageThatWillNeverStart) {
  const InstalledPod pod = ParseOne(
      {{"containerStatuses",
        json::array(
            {{{"name", "agent"},
              {"state", {{"waiting", {{"reason", "ErrImageNeverPull"}, {"message", "m"}}}}}}})}});
  EXPECT_TRUE(pod.never_pull);
  EXPECT_EQ(pod.problem, "ErrImageNeverPull: m");
}

TEST(ParseAgentPodsTest, TellsTheRootThatAnAgentFound) {
  const auto told = [](const std::string& words) {
    return ParseOne({{"containerStatuses",
                      json::array({{{"name", "agent"},
                                    {"state", {{"terminated", {{"message", words}}}}}}})}})
        .told_root;
  };
  constexpr char kWords[] =
      "lighter-agent: containerd's root folder is %s, and this pod mounts /var/lib/containerd; ...";
  EXPECT_EQ(told(absl::StrFormat(kWords, "/data/containerd")), "/data/containerd");
  for (const char* path : {"", "/", "data", "/data/../etc", "/data//x", "/a\nb"}) {
    EXPECT_EQ(told(absl::StrFormat(kWords, path)), "") << path;
  }
  EXPECT_EQ(told(absl::StrFormat(kWords, "/" + std::string(5000, 'a'))), "");
  EXPECT_EQ(told("lighter-agent: containerd's root folder is /data"), "");
  EXPECT_EQ(told("lighter-agent: no registry on this node"), "");
}

TEST(ParseAgentPodsTest, AStartingPodHasNoProblemAndAnUnschedulableOneHas) {
  EXPECT_EQ(
      ParseOne({{"containerStatuses",
                 json::array({{{"name", "agent"},
                               {"state", {{"waiting", {{"reason", "ContainerCreating"}}}}}}})}})
          .problem,
      "");
  EXPECT_THAT(ParseOne({{"conditions", json::array({{{"type", "PodScheduled"},
                                                     {"status", "False"},
                                                     {"reason", "Unschedulable"},
                                                     {"message", "0/1 nodes: free ports"}}})}})
                  .problem,
              HasSubstr("free ports"));
}

}  // namespace
}  // namespace lighter
