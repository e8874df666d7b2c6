// kubectl's JSON into our structs. Unknown and missing fields are tolerated; a wrong shape is not.
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr int kDefaultAgentPort = 7443;

// The value at `path` below `object`, or null.
const json& At(const json& object, std::initializer_list<const char*> path) {
  static const json null;
  const json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return null;
    const auto it = at->find(key);
    if (it == at->end()) return null;
    at = &*it;
  }
  return *at;
}

std::string Text(const json& object, std::initializer_list<const char*> path) {
  const json& value = At(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

absl::StatusOr<json> Items(const std::string& text, const std::string& what) {
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const json& items = At(parsed, {"items"});
  if (!items.is_array()) {
    return absl::InternalError(
        absl::StrCat("kubectl get ", what, ": the output is not a JSON list"));
  }
  return items;
}

bool HasTrueCondition(const json& object, const std::string& type) {
  for (const json& condition : At(object, {"status", "conditions"})) {
    if (Text(condition, {"type"}) == type) return Text(condition, {"status"}) == "True";
  }
  return false;
}

// Why the first container that waits does so; else the pod's own reason.
std::string WaitingReason(const json& pod) {
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const json& container : At(pod, {"status", list})) {
      const std::string reason = Text(container, {"state", "waiting", "reason"});
      if (reason.empty()) continue;
      const std::string message = Text(container, {"state", "waiting", "message"});
      return message.empty() ? reason : absl::StrCat(reason, ": ", message);
    }
  }
  return Text(pod, {"status", "reason"});
}

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

int AgentPort(const json& pod) {
  for (const json& container : At(pod, {"spec", "containers"})) {
    for (const json& port : At(container, {"ports"})) {
      const json& number = At(port, {"containerPort"});
      if (Text(port, {"name"}) == "grpc" && number.is_number_integer()) return number.get<int>();
    }
  }
  return kDefaultAgentPort;
}

std::string HostPort(const std::string& host, int port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
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
                     .ready = HasTrueCondition(item, "Ready")});
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
                      .address = ip.empty() ? "" : HostPort(ip, AgentPort(item)),
                      .ready = HasTrueCondition(item, "Ready"),
                      .reason = WaitingReason(item)});
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

}  // namespace lighter
