// The agents' pods as they are now, and what keeps one from being ready.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct InstalledPod {
  std::string node;
  std::string name;
  std::string image;
  std::string program;        // the agent, in its container
  std::string template_hash;  // of what it was made from, see TemplateHash; empty: not by us
  std::string state_folder;  // where it keeps key and certificate, in its container and on the node
  std::string mirror_folder;  // where it writes what sends pulls to it; empty: nowhere
  std::string lift_taint;     // key of the taint that it takes off its node; empty: none
  std::string address;        // "10.0.0.5:7443"; empty where it has none yet
  bool running = false;       // its container runs
  bool ready = false;
  bool terminating = false;
  int boot_exit = 0;  // the code with which its first stage gave up (docs/agent.md); 0: it did not
  // Why it does not run: kubelet's or the scheduler's reason and words, or what the container said
  // last, and the way out where we know one. Empty while nothing is wrong.
  std::string problem;
  std::string
      told_root;  // containerd's root folder, where the agent ended because its pod mounts another
  bool never_pull = false;  // the borrowed image is not on the node, or kubelet will not use it
};

// The pods of agents that lighter installed.
absl::StatusOr<std::vector<InstalledPod>> ListAgentPods(const Kubectl& kubectl);
absl::StatusOr<std::vector<InstalledPod>> ParseAgentPods(const std::string& pods_json);

// Of an agent's container, of a pod or of a pod template: where the agent is in it (what it starts,
// or what its first stage makes), and where it writes mirrors to; empty: nowhere.
std::string ProgramOf(const nlohmann::json& container);
std::string MirrorFolderOf(const nlohmann::json& container);

// Whether a first stage's exit code says that the chunks themselves are wrong, not its node.
bool IsDamagedPayload(int boot_exit);

// The newest warning event about each object of the agents' namespace: "Kind/name" -> words, and
// the way out where we know one.
using AgentWarnings = std::map<std::string, std::string>;
absl::StatusOr<AgentWarnings> ReadAgentWarnings(const Kubectl& kubectl);
// `events_json` is sorted, the newest last.
absl::StatusOr<AgentWarnings> ParseAgentWarnings(const std::string& events_json);

// What concerns a node's agent: its pod (`pod` empty: there is none), or else a DaemonSet whose
// pods the cluster refuses. Empty where there was no warning.
std::string WarningFor(const AgentWarnings& warnings, const std::string& pod);

// Whether a warning says that a pod's volume of that name cannot be mounted.
bool IsAboutVolume(const std::string& warning, const std::string& volume);

}  // namespace lighter
