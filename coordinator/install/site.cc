#include "coordinator/install/site.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/manifests.h"
#include "coordinator/process/parallel.h"

namespace lighter {
namespace {

using nlohmann::json;

// Of an image kubelet lists that many names (MaxNamesPerImageInNodeStatus), digests first.
constexpr size_t kNamesOfAnImage = 5;
// nodeStatusMaxImages where it is not set.
constexpr int64_t kUsualMaxImages = 50;

int Minor(const std::string& version) {
  const std::vector<std::string> parts = absl::StrSplit(version, '.');
  int minor = 0;
  return parts.size() >= 2 && absl::SimpleAtoi(parts[1], &minor) ? minor : 0;
}

// Why no agent goes onto this node, Ready or not; empty when one does.
std::string SkipCause(const json& node) {
  const std::string os = Text(node, {"status", "nodeInfo", "operatingSystem"});
  const std::string runtime = Text(node, {"status", "nodeInfo", "containerRuntimeVersion"});
  if (os != "linux") return "its operating system is " + os;
  if (!absl::StartsWith(runtime, "containerd://")) return "its runtime is " + runtime;
  return "";
}

SiteNode ToSiteNode(const json& item) {
  SiteNode node;
  node.name = Text(item, {"metadata", "name"});
  node.hostname = Text(item, {"metadata", "labels", "kubernetes.io/hostname"});
  node.architecture = Text(item, {"status", "nodeInfo", "architecture"});
  node.kubelet_version = Text(item, {"status", "nodeInfo", "kubeletVersion"});
  node.kubelet_minor = Minor(node.kubelet_version);
  for (const json& image : At(item, {"status", "images"})) {
    const json& names = At(image, {"names"});
    for (const json& name : names) {
      if (name.is_string()) node.reported_images.insert(name.get<std::string>());
    }
    node.reports_in_part = node.reports_in_part || names.size() >= kNamesOfAnImage;
    ++node.reported_count;
  }
  return node;
}

bool IsOwnedByDaemonSet(const json& pod) {
  for (const json& owner : At(pod, {"metadata", "ownerReferences"})) {
    if (Text(owner, {"kind"}) == "DaemonSet") return true;
  }
  return false;
}

// The image names of the containers of `pod` that have started.
std::vector<std::string> StartedImages(const json& pod) {
  std::set<std::string> started;
  for (const json& status : At(pod, {"status", "containerStatuses"})) {
    if (!Text(status, {"containerID"}).empty()) started.insert(Text(status, {"name"}));
  }
  std::vector<std::string> images;
  for (const json& container : At(pod, {"spec", "containers"})) {
    if (started.contains(Text(container, {"name"}))) images.push_back(Text(container, {"image"}));
  }
  return images;
}

// containerd's root folder as an agent's pod mounts it.
std::string AgentsRoot(const json& pod) {
  for (const json& volume : At(pod, {"spec", "volumes"})) {
    if (Text(volume, {"name"}) == kRootVolume) return Text(volume, {"hostPath", "path"});
  }
  return "";
}

void AddPod(const json& pod, std::map<std::string, SiteNode*>& by_name) {
  const auto it = by_name.find(Text(pod, {"spec", "nodeName"}));
  if (it == by_name.end()) return;
  SiteNode& node = *it->second;
  const bool is_agent =
      Text(pod, {"metadata", "namespace"}) == kAgentNamespace &&
      Text(pod, {"metadata", "labels", "app.kubernetes.io/managed-by"}) == "lighter";
  const bool terminating = !Text(pod, {"metadata", "deletionTimestamp"}).empty();
  if (is_agent && (!terminating || node.daemon_set.empty())) {
    node.daemon_set = Text(pod, {"metadata", "labels", "app.kubernetes.io/instance"});
  }
  const json& secrets = At(pod, {"spec", "imagePullSecrets"});
  const bool with_credentials = secrets.is_array() && !secrets.empty();
  for (const std::string& image : StartedImages(pod)) {
    if (is_agent) {
      node.agent_image = image;
      node.containerd_root = AgentsRoot(pod);
      if (!Text(pod, {"metadata", "labels", kNoPullRecordsLabel}).empty()) {
        node.pull_records = kNoPullRecords;
      }
      node.refused_folder = Text(pod, {"metadata", "annotations", kRefusedFolderAnnotation});
      continue;
    }
    if (with_credentials) node.credential_images.insert(image);
    if (IsOwnedByDaemonSet(pod)) node.daemonset_images.insert(image);
  }
}

}  // namespace

absl::StatusOr<Site> ParseSite(const std::string& nodes_json, const std::string& pods_json) {
  ASSIGN_OR_RETURN(const json nodes, Items(nodes_json, "nodes"));
  ASSIGN_OR_RETURN(const json pods, Items(pods_json, "pods"));
  Site site;
  for (const json& item : nodes) {
    std::string cause = SkipCause(item);
    const bool away = cause.empty() && !HasTrueCondition(item, "Ready");
    if (away) cause = "the node is not Ready";
    if (cause.empty() || away) (away ? site.away : site.nodes).push_back(ToSiteNode(item));
    if (!cause.empty()) site.skipped.push_back({Text(item, {"metadata", "name"}), cause});
  }
  std::map<std::string, SiteNode*> by_name;
  for (SiteNode& node : site.nodes) by_name[node.name] = &node;
  for (SiteNode& node : site.away) by_name[node.name] = &node;
  for (const json& pod : pods) AddPod(pod, by_name);
  std::erase_if(site.away, [](const SiteNode& node) { return node.daemon_set.empty(); });
  return site;
}

absl::StatusOr<std::string> ParseRuntimeSocket(const std::string& configz_json) {
  const json config = json::parse(configz_json, nullptr, /*allow_exceptions=*/false);
  const std::string endpoint = Text(config, {"kubeletconfig", "containerRuntimeEndpoint"});
  absl::string_view path = endpoint;
  if (absl::ConsumePrefix(&path, "unix://") && absl::StartsWith(path, "/")) {
    return std::string(path);
  }
  if (absl::StartsWith(endpoint, "/")) return endpoint;
  return absl::InvalidArgumentError(
      absl::StrCat("kubelet's containerRuntimeEndpoint is \"", endpoint, "\", not a unix socket"));
}

int64_t ParseMaxImages(const std::string& configz_json) {
  const json config = json::parse(configz_json, nullptr, /*allow_exceptions=*/false);
  const json& most = At(config, {"kubeletconfig", "nodeStatusMaxImages"});
  return most.is_number_integer() ? most.get<int64_t>() : kUsualMaxImages;
}

bool KeepsPullRecords(const std::string& configz_json) {
  const json config = json::parse(configz_json, nullptr, /*allow_exceptions=*/false);
  return !Text(config, {"kubeletconfig", "imagePullCredentialsVerificationPolicy"}).empty();
}

NodeLayout LayoutOf(const std::string& socket, const std::string& kubelet_version) {
  NodeLayout layout = {.containerd_root = "/var/lib/containerd",
                       .config_path = "/etc/containerd/certs.d",
                       .kubelet_root = "/var/lib/kubelet"};
  if (socket == "/run/k3s/containerd/containerd.sock") {
    const std::string agent = absl::StrContains(kubelet_version, "+rke2")
                                  ? "/var/lib/rancher/rke2/agent"
                                  : "/var/lib/rancher/k3s/agent";
    layout.containerd_root = agent + "/containerd";
    layout.config_path = agent + "/etc/containerd/certs.d";
  } else if (socket == "/var/snap/microk8s/common/run/containerd.sock") {
    layout.containerd_root = "/var/snap/microk8s/common/var/lib/containerd";
    layout.config_path = "/var/snap/microk8s/current/args/certs.d";
    layout.kubelet_root = "/var/snap/microk8s/common/var/lib/kubelet";
  } else if (socket == "/run/k0s/containerd.sock") {
    layout.containerd_root = "/var/lib/k0s/containerd";
    layout.kubelet_root = "/var/lib/k0s/kubelet";
  }
  return layout;
}

absl::StatusOr<Site> ReadSite(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string nodes, kubectl.Run({"get", "nodes", "-o", "json"}));
  ASSIGN_OR_RETURN(const std::string pods, kubectl.Run({"get", "pods", "-A", "-o", "json"}));
  ASSIGN_OR_RETURN(Site site, ParseSite(nodes, pods));
  std::vector<absl::Status> asked(site.nodes.size());
  InParallel(site.nodes.size(), [&](size_t i) {
    SiteNode& node = site.nodes[i];
    absl::StatusOr<std::string> config =
        kubectl.Run({"get", "--raw", absl::StrCat("/api/v1/nodes/", node.name, "/proxy/configz")});
    const absl::StatusOr<std::string> socket =
        config.ok() ? ParseRuntimeSocket(*config) : config.status();
    asked[i] = socket.status();
    if (!socket.ok()) return;
    node.socket = *socket;
    const int64_t most = ParseMaxImages(*config);
    if (most >= 0 && node.reported_count >= most) node.reports_in_part = true;
    const NodeLayout layout = LayoutOf(node.socket, node.kubelet_version);
    if (node.containerd_root.empty()) node.containerd_root = layout.containerd_root;
    node.config_path = layout.config_path;
    if (!KeepsPullRecords(*config)) {
      node.pull_records.clear();
    } else if (node.pull_records.empty()) {
      node.pull_records = layout.kubelet_root + "/image_manager";
    }
  });
  Site known;
  known.skipped = std::move(site.skipped);
  known.away = std::move(site.away);
  for (size_t i = 0; i < site.nodes.size(); ++i) {
    if (absl::IsCancelled(asked[i])) return asked[i];
    if (asked[i].ok()) {
      known.nodes.push_back(std::move(site.nodes[i]));
    } else {
      known.skipped.push_back({site.nodes[i].name, Message(asked[i])});
      if (!site.nodes[i].daemon_set.empty()) known.away.push_back(std::move(site.nodes[i]));
    }
  }
  if (known.away.empty()) return known;
  // Of a DaemonSet that was deleted, a node that is away has the pod until it is back.
  ASSIGN_OR_RETURN(const std::set<std::string> present, PresentObjects(kubectl, "daemonsets"));
  std::erase_if(known.away,
                [&](const SiteNode& node) { return !present.contains(node.daemon_set); });
  return known;
}

void KeepOneArchitecture(const std::string& architecture, Site& site) {
  std::erase_if(site.away, [&](const SiteNode& node) { return node.architecture != architecture; });
  std::erase_if(site.nodes, [&](const SiteNode& node) {
    if (node.architecture == architecture) return false;
    site.skipped.push_back(
        {node.name, absl::StrCat("it is ", node.architecture,
                                 ", this lighter carries an agent for ", architecture)});
    return true;
  });
}

}  // namespace lighter
