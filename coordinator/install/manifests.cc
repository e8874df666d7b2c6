#include "coordinator/install/manifests.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/desired.h"
#include "common/digest.h"
#include "common/version.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/member_secret.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr size_t kNameHexDigits = 12;
constexpr char kBootMount[] = "/lighter/boot";
constexpr char kBootKey[] = "lighter-boot";
constexpr char kChunksMount[] = "/lighter/chunks";
constexpr char kRunMount[] = "/lighter/run";
constexpr char kMemberMount[] = "/lighter/member";
constexpr char kDesiredMount[] = "/lighter/desired";

std::string ShortHash(std::string_view bytes) {
  return Digest::Of(bytes).hex().substr(0, kNameHexDigits);
}

json Labels() {
  return {{"app.kubernetes.io/name", "lighter-agent"},
          {"app.kubernetes.io/managed-by", "lighter"},
          {"app.kubernetes.io/version", kVersion}};
}

json Object(const char* api_version, const char* kind, const std::string& name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata", {{"name", name}, {"labels", Labels()}}}};
}

json ConfigMap(const std::string& name, const std::string& key, std::string_view bytes) {
  json object = AgentObject("v1", "ConfigMap", name);
  object["immutable"] = true;
  object["binaryData"] = {{key, absl::Base64Escape({bytes.data(), bytes.size()})}};
  return object;
}

// The names of the ConfigMaps that hold one payload.
struct PayloadNames {
  std::string boot;
  std::vector<std::string> chunks;
};

PayloadNames NamesOf(const AgentPayload& payload) {
  PayloadNames names;
  names.boot = absl::StrCat("lighter-boot-", ShortHash(payload.boot));
  const std::string set = payload.sha256.substr(0, kNameHexDigits);
  for (size_t i = 0; i < SplitChunks(payload.compressed).size(); ++i) {
    names.chunks.push_back(absl::StrCat("lighter-agent-", set, "-", i));
  }
  return names;
}

// A group's DaemonSet keeps its name for as long as nothing changes that its pods are made of.
std::string GroupName(const AgentGroup& group, const MirrorSettings& mirrors,
                      const std::string& lift_taint) {
  const std::string key = absl::StrCat(
      group.image, "\n", group.architecture, "\n", group.socket, "\n", group.containerd_root, "\n",
      MirrorFolder(group, mirrors), "\n", group.pull_records, group.has_agent ? "\nimage" : "",
      lift_taint.empty() ? "" : "\ntaint " + lift_taint);
  return absl::StrCat("lighter-agent-", ShortHash(key).substr(0, 8));
}

std::string WantedFolder(const std::string& config_path, const MirrorSettings& mirrors) {
  if (mirrors.registries.empty()) return "";
  return mirrors.folder.empty() ? config_path : mirrors.folder;
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The first stage, then the agent's chunks.
std::vector<json> PayloadConfigMaps(const AgentPayload& payload) {
  const PayloadNames names = NamesOf(payload);
  std::vector<json> config_maps = {ConfigMap(names.boot, kBootKey, payload.boot)};
  const std::vector<std::string_view> chunks = SplitChunks(payload.compressed);
  for (size_t i = 0; i < chunks.size(); ++i) {
    config_maps.push_back(ConfigMap(names.chunks[i], ChunkName(i), chunks[i]));
  }
  return config_maps;
}

// The nodes that a group's DaemonSet serves, those that are away included.
struct Share {
  const AgentGroup* group = nullptr;  // null: of DaemonSets that are no group's any more
  std::string daemon_set;
  std::set<std::string> hostnames;
};

// One for each group, and one more.
std::vector<Share> Shares(const Grouping& grouping, const MirrorSettings& mirrors,
                          const std::string& lift_taint) {
  std::vector<Share> shares;
  for (const AgentGroup& group : grouping.groups) {
    Share& share = shares.emplace_back();
    share.group = &group;
    share.daemon_set = GroupName(group, mirrors, lift_taint);
    for (const SiteNode& node : group.nodes) share.hostnames.insert(node.hostname);
  }
  shares.emplace_back();
  for (const SiteNode& node : grouping.away) {
    const auto own = std::find_if(shares.begin(), shares.end() - 1, [&](const Share& share) {
      return share.daemon_set == node.daemon_set;
    });
    own->hostnames.insert(node.hostname);
  }
  return shares;
}

// Which nodes a group's pods go to. The largest group of an architecture takes every node that no
// other group names, so that nodes that join later get an agent too. That nodes come and go must
// change nothing here: each change starts all pods of a DaemonSet anew.
json Affinity(const Share& share, const std::vector<Share>& shares) {
  const Share* largest = nullptr;
  std::set<std::string> others;
  for (const Share& other : shares) {
    if (other.group != nullptr) {
      if (other.group->architecture != share.group->architecture) continue;
      const auto rank = [](const Share& each) {
        return std::make_pair(-static_cast<int64_t>(each.hostnames.size()), each.daemon_set);
      };
      if (largest == nullptr || rank(other) < rank(*largest)) largest = &other;
    }
    if (&other != &share) others.insert(other.hostnames.begin(), other.hostnames.end());
  }
  if (largest != &share) return NodeAffinity("In", share.hostnames);
  return others.empty() ? json() : NodeAffinity("NotIn", others);
}

bool HasPullRecords(const AgentGroup& group) {
  return !group.pull_records.empty() && group.pull_records != kNoPullRecords;
}

json HostFolder(const char* name, const std::string& path, const char* type) {
  return {{"name", name}, {"hostPath", {{"path", path}, {"type", type}}}};
}

// What the first stage works with.
json BootVolumes(const AgentPayload& payload) {
  const PayloadNames names = NamesOf(payload);
  json sources = json::array();
  for (const std::string& chunk : names.chunks) {
    sources.push_back({{"configMap", {{"name", chunk}}}});
  }
  return json::array(
      {{{"name", kBootVolume}, {"configMap", {{"name", names.boot}, {"defaultMode", 0555}}}},
       {{"name", kChunksVolume}, {"projected", {{"sources", sources}, {"defaultMode", 0444}}}},
       {{"name", kRunVolume}, {"emptyDir", json::object()}}});
}

json BootMounts() {
  return json::array({{{"name", kBootVolume}, {"mountPath", kBootMount}, {"readOnly", true}},
                      {{"name", kChunksVolume}, {"mountPath", kChunksMount}, {"readOnly", true}},
                      {{"name", kRunVolume}, {"mountPath", kRunMount}}});
}

json Volumes(const AgentPayload& payload, const AgentGroup& group, const MirrorSettings& mirrors) {
  json volumes = group.has_agent ? json::array() : BootVolumes(payload);
  const json own = json::array({
      HostFolder("socket", FolderOf(group.socket), "Directory"),
      // Named only: what they hold may change, or come later, without any pod starting anew.
      {{"name", "member"},
       {"secret", {{"secretName", kMemberSecret}, {"optional", true}, {"defaultMode", 0400}}}},
      {{"name", "desired"},
       {"configMap", {{"name", kDesiredConfigMap}, {"optional", true}, {"defaultMode", 0444}}}},
  });
  volumes.insert(volumes.end(), own.begin(), own.end());
  if (!group.containerd_root.empty()) {
    volumes.push_back(HostFolder(kRootVolume, group.containerd_root, "Directory"));
  }
  if (HasPullRecords(group)) {
    volumes.push_back(HostFolder(kPullRecordsVolume, group.pull_records, "Directory"));
  }
  if (const std::string folder = MirrorFolder(group, mirrors); !folder.empty()) {
    volumes.push_back(HostFolder(kMirrorsVolume, folder, "DirectoryOrCreate"));
  }
  return volumes;
}

json Mounts(const AgentGroup& group, const MirrorSettings& mirrors) {
  json mounts = group.has_agent ? json::array() : BootMounts();
  const json own = json::array({
      // The folder, not the socket: containerd makes a new socket when it restarts. At the node's
      // own path, so that messages name a file that is there.
      {{"name", "socket"}, {"mountPath", FolderOf(group.socket)}, {"readOnly", true}},
      {{"name", "member"}, {"mountPath", kMemberMount}, {"readOnly", true}},
      // The folder, not the file in it: a file alone would never be updated.
      {{"name", "desired"}, {"mountPath", kDesiredMount}, {"readOnly", true}},
  });
  mounts.insert(mounts.end(), own.begin(), own.end());
  if (!group.containerd_root.empty()) {
    mounts.push_back({{"name", kRootVolume}, {"mountPath", group.containerd_root}});
  }
  if (HasPullRecords(group)) {
    mounts.push_back(
        {{"name", kPullRecordsVolume}, {"mountPath", group.pull_records}, {"readOnly", true}});
  }
  if (const std::string folder = MirrorFolder(group, mirrors); !folder.empty()) {
    mounts.push_back({{"name", kMirrorsVolume}, {"mountPath", folder}});
  }
  return mounts;
}

json Args(const AgentGroup& group, const MirrorSettings& mirrors) {
  // An agent that finds another root says so and ends; so does every one of a group without.
  const std::string root = group.containerd_root.empty() ? "nothing" : group.containerd_root;
  json args = {absl::StrCat("--listen=$(HOST_IP):", kAgentPort),
               "--state-dir=" + StateFolder(group),
               "--expect-root=" + root,
               absl::StrCat("--desired-file=", kDesiredMount, "/", kDesiredKey),
               absl::StrCat("--member-dir=", kMemberMount),
               absl::StrCat("--registry=", kNodeRegistry)};
  if (HasPullRecords(group)) args.push_back("--pull-records=" + group.pull_records);
  for (const std::string& registry : mirrors.registries) args.push_back("--mirror=" + registry);
  return args;
}

json FieldVariable(const char* name, const char* field) {
  return {{"name", name}, {"valueFrom", {{"fieldRef", {{"fieldPath", field}}}}}};
}

json Variable(const char* name, const std::string& value) {
  return {{"name", name}, {"value", value}};
}

// Not flags: the subcommands that are run beside the agent need them, too.
json Environment(const AgentGroup& group, const MirrorSettings& mirrors) {
  json variables = json::array({FieldVariable("NODE_NAME", "spec.nodeName"),
                                FieldVariable("HOST_IP", "status.hostIP"),
                                Variable("CONTAINERD_ADDRESS", group.socket)});
  if (const std::string folder = MirrorFolder(group, mirrors); !folder.empty()) {
    variables.push_back(Variable(kMirrorFolderVariable, folder));
  }
  return variables;
}

json Command(const AgentPayload& payload, const AgentGroup& group) {
  if (group.has_agent) return json::array({kImageProgram});
  return json::array({absl::StrCat(kBootMount, "/", kBootKey), "--sha256", payload.sha256, "--size",
                      absl::StrCat(payload.compressed.size()), "--unpacked-size",
                      absl::StrCat(payload.unpacked_size), "--chunks",
                      absl::StrCat(SplitChunks(payload.compressed).size()), "--out", kBootedProgram,
                      kChunksMount, "--"});
}

// What each capability is for: docs/agent.md, "Rights".
json SecurityContext() {
  return {
      {"runAsUser", 0},
      {"runAsGroup", 0},
      {"privileged", false},
      {"allowPrivilegeEscalation", false},
      {"readOnlyRootFilesystem", true},
      {"capabilities",
       {{"drop", json::array({"ALL"})},
        {"add", {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SYS_ADMIN"}}}},
      {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

json AgentContainer(const AgentPayload& payload, const AgentGroup& group,
                    const MirrorSettings& mirrors) {
  return {
      {"name", kAgentContainer},
      {"image", group.image},
      {"imagePullPolicy", group.has_agent ? "IfNotPresent" : "Never"},
      {"command", Command(payload, group)},
      {"args", Args(group, mirrors)},
      {"env", Environment(group, mirrors)},
      {"ports",
       json::array({{{"name", "grpc"}, {"containerPort", kAgentPort}, {"protocol", "TCP"}}})},
      {"securityContext", SecurityContext()},
      {"readinessProbe", {{"tcpSocket", {{"port", "grpc"}}}, {"periodSeconds", 1}}},
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
      {"resources",
       {{"requests", {{"cpu", "50m"}, {"memory", "128Mi"}}}, {"limits", {{"memory", "512Mi"}}}}},
      {"volumeMounts", Mounts(group, mirrors)}};
}

json DaemonSet(const AgentPayload& payload, const Share& share, const std::vector<Share>& shares,
               const MirrorSettings& mirrors, const std::string& lift_taint) {
  const AgentGroup& group = *share.group;
  const std::string& name = share.daemon_set;
  json selector = {{"app.kubernetes.io/name", "lighter-agent"},
                   {"app.kubernetes.io/instance", name}};
  json labels = Labels();
  labels.update(selector);
  json pod = {
      {"hostNetwork", true},
      {"automountServiceAccountToken", false},
      {"enableServiceLinks", false},
      {"terminationGracePeriodSeconds", 10},
      {"priorityClassName", "system-node-critical"},
      {"nodeSelector", {{"kubernetes.io/os", "linux"}, {"kubernetes.io/arch", group.architecture}}},
      {"tolerations", json::array({{{"operator", "Exists"}}})},
      {"containers", json::array({AgentContainer(payload, group, mirrors)})},
      {"volumes", Volumes(payload, group, mirrors)}};
  if (!lift_taint.empty()) AddLiftContainer(lift_taint, pod);
  if (const json affinity = Affinity(share, shares); !affinity.is_null()) {
    pod["affinity"] = affinity;
  }
  json object = AgentObject("apps/v1", "DaemonSet", name);
  object["metadata"]["labels"] = labels;
  if (!mirrors.folder.empty()) {
    object["metadata"]["annotations"] = {{kMirrorFolderAnnotation, mirrors.folder}};
  }
  if (group.pull_records == kNoPullRecords) labels[kNoPullRecordsLabel] = "true";
  labels[kTemplateHashLabel] = ShortHash(pod.dump());
  json metadata = {{"labels", labels}};
  if (!group.refused_folder.empty()) {
    metadata["annotations"] = {{kRefusedFolderAnnotation, group.refused_folder}};
  }
  object["spec"] = {{"selector", {{"matchLabels", selector}}},
                    {"updateStrategy",
                     {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", "100%"}}}}},
                    {"template", {{"metadata", metadata}, {"spec", pod}}}};
  return object;
}

}  // namespace

std::string MirrorFolder(const AgentGroup& group, const MirrorSettings& mirrors) {
  const std::string folder = WantedFolder(group.config_path, mirrors);
  return folder == group.refused_folder ? "" : folder;
}

void ForgetRefusedFolders(const MirrorSettings& mirrors, std::vector<SiteNode>& nodes) {
  for (SiteNode& node : nodes) {
    if (node.refused_folder != WantedFolder(node.config_path, mirrors)) node.refused_folder.clear();
  }
}

std::string StateFolder(const AgentGroup& group) { return group.containerd_root + "/lighter"; }

json AgentObject(const char* api_version, const char* kind, const std::string& name) {
  json object = Object(api_version, kind, name);
  object["metadata"]["namespace"] = kAgentNamespace;
  return object;
}

json NodeAffinity(const char* relation, const std::set<std::string>& hostnames) {
  const json expression = {
      {"key", "kubernetes.io/hostname"}, {"operator", relation}, {"values", hostnames}};
  const json term = {{"matchExpressions", json::array({expression})}};
  return {{"nodeAffinity",
           {{"requiredDuringSchedulingIgnoredDuringExecution",
             {{"nodeSelectorTerms", json::array({term})}}}}}};
}

AgentManifests MakeManifests(const AgentPayload& payload, const Grouping& grouping,
                             const MirrorSettings& mirrors, const std::string& lift_taint) {
  AgentManifests manifests;
  manifests.ns = Object("v1", "Namespace", kAgentNamespace);
  // hostPath and hostNetwork are what Pod Security calls privileged.
  manifests.ns["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged";
  if (!lift_taint.empty()) {
    LiftObjects lift = MakeLiftObjects(lift_taint);
    manifests.rights = std::move(lift.limits);
    manifests.rights.push_back(std::move(lift.grant));
  }
  const auto borrows = [](const AgentGroup& group) { return !group.has_agent; };
  if (std::any_of(grouping.groups.begin(), grouping.groups.end(), borrows)) {
    manifests.config_maps = PayloadConfigMaps(payload);
  }
  const std::vector<Share> shares = Shares(grouping, mirrors, lift_taint);
  for (const Share& share : shares) {
    if (share.group == nullptr) continue;
    manifests.daemon_sets.push_back(DaemonSet(payload, share, shares, mirrors, lift_taint));
  }
  return manifests;
}

std::string TemplateHash(const json& daemon_set) {
  return daemon_set.at("spec").at("template").at("metadata").at("labels").at(kTemplateHashLabel);
}

json SamplePod(const json& daemon_set) {
  json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  const json& pod_template = daemon_set["spec"]["template"];
  pod["metadata"] = pod_template["metadata"];
  pod["metadata"]["generateName"] =
      absl::StrCat(daemon_set["metadata"]["name"].get<std::string>(), "-");
  pod["metadata"]["namespace"] = kAgentNamespace;
  pod["spec"] = pod_template["spec"];
  return pod;
}

json ObjectList(std::vector<json> objects) {
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(objects)}};
}

}  // namespace lighter
