#include "coordinator/install/agent_pods.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

// The value after `flag` in the container's command, which is the first stage's.
std::string CommandValue(const json& container, const std::string& flag) {
  bool next = false;
  for (const json& word : At(container, {"command"})) {
    if (!word.is_string()) continue;
    if (next) return word.get<std::string>();
    next = word.get<std::string>() == flag;
  }
  return "";
}

// What the agent's flag --state-dir= says.
std::string StateFolderOf(const json& container) {
  constexpr std::string_view kFlag = "--state-dir=";
  for (const json& word : At(container, {"args"})) {
    const std::string text = word.is_string() ? word.get<std::string>() : "";
    if (text.starts_with(kFlag)) return text.substr(kFlag.size());
  }
  return "";
}

// What a container said when it ended, this time or the time before.
std::string LastWords(const json& status) {
  for (const char* when : {"state", "lastState"}) {
    const json& ended = At(status, {when, "terminated"});
    if (!ended.is_object()) continue;
    const std::string words(absl::StripAsciiWhitespace(Text(ended, {"message"})));
    if (!words.empty()) return words;
  }
  return "";
}

std::string Unschedulable(const json& pod) {
  for (const json& condition : At(pod, {"status", "conditions"})) {
    if (Text(condition, {"type"}) == "PodScheduled" && Text(condition, {"status"}) == "False") {
      return absl::StrCat(Text(condition, {"reason"}), ": ", Text(condition, {"message"}));
    }
  }
  return "";
}

// A pod of a DaemonSet names its node before the scheduler has agreed.
std::string IntendedNode(const json& pod) {
  if (std::string node = Text(pod, {"spec", "nodeName"}); !node.empty()) return node;
  for (const json& term :
       At(pod, {"spec", "affinity", "nodeAffinity",
                "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"})) {
    for (const json& field : At(term, {"matchFields"})) {
      const json& values = At(field, {"values"});
      if (values.is_array() && !values.empty() && values[0].is_string()) {
        return values[0].get<std::string>();
      }
    }
  }
  return "";
}

InstalledPod ToPod(const json& item) {
  InstalledPod pod;
  pod.node = IntendedNode(item);
  pod.name = Text(item, {"metadata", "name"});
  pod.ready = HasTrueCondition(item, "Ready");
  for (const json& container : At(item, {"spec", "containers"})) {
    if (Text(container, {"name"}) != kAgentContainer) continue;
    pod.image = Text(container, {"image"});
    pod.payload = CommandValue(container, "--sha256");
    pod.state_folder = StateFolderOf(container);
    if (const std::string ip = Text(item, {"status", "podIP"}); !ip.empty()) {
      pod.address = HostPort(ip, GrpcPort(item));
    }
  }
  std::string words;
  for (const json& status : At(item, {"status", "containerStatuses"})) {
    if (Text(status, {"name"}) != kAgentContainer) continue;
    pod.running = At(status, {"state", "running"}).is_object();
    if (!pod.running) words = LastWords(status);
  }
  if (pod.running) return pod;
  const std::string reason = WaitingReason(item);
  pod.never_pull = reason.starts_with("ErrImageNeverPull");
  if (reason == "ContainerCreating" || reason == "PodInitializing") return pod;
  pod.problem = !words.empty() ? words : !reason.empty() ? reason : Unschedulable(item);
  return pod;
}

}  // namespace

absl::StatusOr<std::vector<InstalledPod>> ParseAgentPods(const std::string& pods_json) {
  ASSIGN_OR_RETURN(const json items, Items(pods_json, "pods"));
  std::vector<InstalledPod> pods;
  for (const json& item : items) {
    if (Text(item, {"metadata", "deletionTimestamp"}).empty()) pods.push_back(ToPod(item));
  }
  return pods;
}

absl::StatusOr<std::vector<InstalledPod>> ListAgentPods(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out, kubectl.Run({"get", "pods", "-n", kAgentNamespace, "-l",
                                                       kAgentSelector, "-o", "json"}));
  return ParseAgentPods(out);
}

absl::StatusOr<std::vector<std::string>> AgentWarnings(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", "events", "-n", kAgentNamespace, "--field-selector",
                                "type=Warning", "--sort-by", ".lastTimestamp", "-o", "json"}));
  ASSIGN_OR_RETURN(const json items, Items(out, "events"));
  std::map<std::string, std::string> newest;
  for (const json& item : items) {
    const std::string object = absl::StrCat(Text(item, {"involvedObject", "kind"}), "/",
                                            Text(item, {"involvedObject", "name"}));
    newest[object] = absl::StrCat(Text(item, {"reason"}), ": ", Text(item, {"message"}));
  }
  std::vector<std::string> warnings;
  for (const auto& [object, words] : newest) warnings.push_back(absl::StrCat(object, ": ", words));
  return warnings;
}

}  // namespace lighter
