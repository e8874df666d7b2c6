// kubectl's JSON into our structs. Unknown and missing fields are tolerated; a wrong shape is not.
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/cluster/image_pods.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

using nlohmann::json;

// UIDs of the release's objects: those that Helm annotated, and what they own, and so on.
std::set<std::string> ReleaseMembers(const json& items, const std::string& release) {
  std::set<std::string> members;
  for (bool grown = true; std::exchange(grown, false);) {
    for (const json& item : items) {
      bool member = Text(item, {"metadata", "annotations", "meta.helm.sh/release-name"}) == release;
      for (const json& owner : At(item, {"metadata", "ownerReferences"})) {
        member = member || members.contains(Text(owner, {"uid"}));
      }
      const std::string uid = Text(item, {"metadata", "uid"});
      if (member && !uid.empty() && members.insert(uid).second) grown = true;
    }
  }
  return members;
}

std::string InternalIp(const json& node) {
  for (const json& address : At(node, {"status", "addresses"})) {
    if (Text(address, {"type"}) == "InternalIP") return Text(address, {"address"});
  }
  return "";
}

std::vector<Taint> TaintsOf(const json& node) {
  std::vector<Taint> taints;
  for (const json& taint : At(node, {"spec", "taints"})) {
    taints.push_back({.key = Text(taint, {"key"}),
                      .value = Text(taint, {"value"}),
                      .effect = Text(taint, {"effect"})});
  }
  return taints;
}

std::map<std::string, std::string> LabelsOf(const json& node) {
  std::map<std::string, std::string> labels;
  for (const auto& [key, value] : At(node, {"metadata", "labels"}).items()) {
    if (value.is_string()) labels[key] = value.get<std::string>();
  }
  return labels;
}

}  // namespace

absl::StatusOr<std::vector<Node>> ParseNodes(const std::string& text) {
  ASSIGN_OR_RETURN(const json items, Items(text, "nodes"));
  std::vector<Node> nodes;
  for (const json& item : items) {
    nodes.push_back({.name = Text(item, {"metadata", "name"}),
                     .os = Text(item, {"status", "nodeInfo", "operatingSystem"}),
                     .architecture = Text(item, {"status", "nodeInfo", "architecture"}),
                     .runtime = Text(item, {"status", "nodeInfo", "containerRuntimeVersion"}),
                     .address = InternalIp(item),
                     .ready = HasTrueCondition(item, "Ready"),
                     .labels = LabelsOf(item),
                     .taints = TaintsOf(item)});
  }
  return nodes;
}

absl::StatusOr<std::vector<AgentPod>> ParseAgents(const std::string& text) {
  ASSIGN_OR_RETURN(const json items, Items(text, "pods"));
  std::vector<AgentPod> agents;
  for (const json& item : items) {
    if (!Text(item, {"metadata", "deletionTimestamp"}).empty()) continue;
    const std::string ip = Text(item, {"status", "podIP"});
    agents.push_back({.node = Text(item, {"spec", "nodeName"}),
                      .ns = Text(item, {"metadata", "namespace"}),
                      .name = Text(item, {"metadata", "name"}),
                      .address = ip.empty() ? "" : HostPort(ip, GrpcPort(item)),
                      .ready = HasTrueCondition(item, "Ready"),
                      .reason = WaitingReason(item),
                      .lift_taint = LiftedTaint(item)});
  }
  return agents;
}

absl::StatusOr<std::vector<PodState>> ParsePods(const std::string& text,
                                                const std::string& release) {
  ASSIGN_OR_RETURN(const json items, Items(text, "pods"));
  const std::set<std::string> members = ReleaseMembers(items, release);
  std::vector<PodState> pods;
  for (const json& item : items) {
    if (Text(item, {"kind"}) != "Pod" || !members.contains(Text(item, {"metadata", "uid"})))
      continue;
    if (!Text(item, {"metadata", "deletionTimestamp"}).empty()) continue;
    pods.push_back({.name = Text(item, {"metadata", "name"}),
                    .node = Text(item, {"spec", "nodeName"}),
                    .phase = Text(item, {"status", "phase"}),
                    .ready = HasTrueCondition(item, "Ready"),
                    .reason = WaitingReason(item)});
  }
  return pods;
}

absl::StatusOr<ImagePods> ParseImagePods(const std::string& text) {
  ASSIGN_OR_RETURN(const json items, Items(text, "pods"));
  ImagePods pods;
  for (const json& item : items) {
    const std::string pod =
        absl::StrCat(Text(item, {"metadata", "namespace"}), "/", Text(item, {"metadata", "name"}));
    for (const char* kind : {"initContainers", "containers", "ephemeralContainers"}) {
      for (const json& container : At(item, {"spec", kind})) {
        const absl::StatusOr<Reference> image = Reference::Parse(Text(container, {"image"}));
        if (image.ok()) pods[image->str()].insert(pod);
      }
    }
  }
  return pods;
}

absl::StatusOr<std::set<std::string>> ParseUsedImages(const std::string& text) {
  ASSIGN_OR_RETURN(const ImagePods pods, ParseImagePods(text));
  std::set<std::string> images;
  for (const auto& [image, of] : pods) images.insert(image);
  return images;
}

}  // namespace lighter
