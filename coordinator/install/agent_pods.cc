#include "coordinator/install/agent_pods.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/root_check.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/way_out.h"

namespace lighter {
namespace {

using nlohmann::json;

// What the agent's flag --state-dir= says.
std::string StateFolderOf(const json& container) {
  constexpr std::string_view kFlag = "--state-dir=";
  for (const json& word : At(container, {"args"})) {
    const std::string text = word.is_string() ? word.get<std::string>() : "";
    if (text.starts_with(kFlag)) return text.substr(kFlag.size());
  }
  return "";
}

// What a container said when it ended, this time or the time before, and with which code.
struct Ending {
  std::string words;
  int exit_code = 0;
};

Ending LastEnding(const json& status) {
  for (const char* when : {"state", "lastState"}) {
    const json& ended = At(status, {when, "terminated"});
    const std::string words(absl::StripAsciiWhitespace(Text(ended, {"message"})));
    if (words.empty()) continue;
    const json& code = At(ended, {"exitCode"});
    return {words, code.is_number_integer() ? code.get<int>() : 0};
  }
  return {};
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
  pod.template_hash = Text(item, {"metadata", "labels", kTemplateHashLabel});
  pod.lift_taint = LiftedTaint(item);
  pod.ready = HasTrueCondition(item, "Ready");
  pod.terminating = !Text(item, {"metadata", "deletionTimestamp"}).empty();
  for (const json& container : At(item, {"spec", "containers"})) {
    if (Text(container, {"name"}) != kAgentContainer) continue;
    pod.image = Text(container, {"image"});
    pod.program = ProgramOf(container);
    pod.state_folder = StateFolderOf(container);
    pod.mirror_folder = MirrorFolderOf(container);
    if (const std::string ip = Text(item, {"status", "podIP"}); !ip.empty()) {
      pod.address = HostPort(ip, GrpcPort(item));
    }
  }
  Ending ending;
  for (const json& status : At(item, {"status", "containerStatuses"})) {
    if (Text(status, {"name"}) != kAgentContainer) continue;
    pod.running = At(status, {"state", "running"}).is_object();
    if (!pod.running) ending = LastEnding(status);
  }
  if (pod.running) return pod;
  const std::string reason = WaitingReason(item);
  pod.never_pull = reason.starts_with("ErrImageNeverPull");
  if (reason == "ContainerCreating" || reason == "PodInitializing") return pod;
  pod.told_root = ToldRoot(ending.words).value_or("");
  if (absl::StartsWith(ending.words, "lighter-boot:")) pod.boot_exit = ending.exit_code;
  pod.problem = WithWayOut(!ending.words.empty() ? ending.words
                           : !reason.empty()     ? reason
                                                 : Unschedulable(item));
  return pod;
}

}  // namespace

std::string ProgramOf(const json& container) {
  const json& command = At(container, {"command"});
  const bool own = command.is_array() && command.size() == 1 && command[0] == kImageProgram;
  return own ? kImageProgram : kBootedProgram;
}

std::string MirrorFolderOf(const json& container) {
  for (const json& variable : At(container, {"env"})) {
    if (Text(variable, {"name"}) == kMirrorFolderVariable) return Text(variable, {"value"});
  }
  return "";
}

absl::StatusOr<std::vector<InstalledPod>> ParseAgentPods(const std::string& pods_json) {
  ASSIGN_OR_RETURN(const json items, Items(pods_json, "pods"));
  std::vector<InstalledPod> pods;
  for (const json& item : items) {
    pods.push_back(ToPod(item));
  }
  return pods;
}

absl::StatusOr<std::vector<InstalledPod>> ListAgentPods(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out, kubectl.Run({"get", "pods", "-n", kAgentNamespace, "-l",
                                                       kAgentSelector, "-o", "json"}));
  return ParseAgentPods(out);
}

bool IsDamagedPayload(int boot_exit) { return boot_exit >= 65 && boot_exit <= 67; }

absl::StatusOr<AgentWarnings> ReadAgentWarnings(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", "events", "-n", kAgentNamespace, "--field-selector",
                                "type=Warning", "--sort-by", ".lastTimestamp", "-o", "json"}));
  return ParseAgentWarnings(out);
}

absl::StatusOr<AgentWarnings> ParseAgentWarnings(const std::string& events_json) {
  ASSIGN_OR_RETURN(const json items, Items(events_json, "events"));
  AgentWarnings newest;
  for (const json& item : items) {
    const std::string object = absl::StrCat(Text(item, {"involvedObject", "kind"}), "/",
                                            Text(item, {"involvedObject", "name"}));
    newest[object] =
        WithWayOut(absl::StrCat(Text(item, {"reason"}), ": ", Text(item, {"message"})));
  }
  return newest;
}

std::string WarningFor(const AgentWarnings& warnings, const std::string& pod) {
  if (const auto it = warnings.find("Pod/" + pod); it != warnings.end()) return it->second;
  if (!pod.empty()) return "";
  for (const auto& [object, words] : warnings) {
    if (absl::StartsWith(object, "DaemonSet/")) return words;
  }
  return "";
}

bool IsAboutVolume(const std::string& warning, const std::string& volume) {
  return absl::StartsWith(warning, "FailedMount: ") &&
         absl::StrContains(warning, absl::StrCat("volume \"", volume, "\""));
}

}  // namespace lighter
