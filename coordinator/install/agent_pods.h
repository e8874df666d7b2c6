// The agents' pods as they are now, and what keeps one from being ready.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct InstalledPod {
  std::string node;
  std::string name;
  std::string image;
  std::string payload;       // SHA-256 of the agent that it was started with; empty: not by us
  std::string state_folder;  // where it keeps key and certificate, in its container and on the node
  std::string address;       // "10.0.0.5:7443"; empty where it has none yet
  bool running = false;      // its container runs
  bool ready = false;
  // Why it does not run: kubelet's or the scheduler's reason and words, or what the container said
  // last. Empty while nothing is wrong.
  std::string problem;
  bool never_pull = false;  // the borrowed image is not on the node, or kubelet will not use it
};

// The pods of agents that lighter installed, those that are being deleted left out.
absl::StatusOr<std::vector<InstalledPod>> ListAgentPods(const Kubectl& kubectl);
absl::StatusOr<std::vector<InstalledPod>> ParseAgentPods(const std::string& pods_json);

// The newest warning event about each object of the agents' namespace, "Kind/name: words". For pods
// that the cluster refuses to create (quota, Pod Security) and volumes that cannot be mounted.
absl::StatusOr<std::vector<std::string>> AgentWarnings(const Kubectl& kubectl);

}  // namespace lighter
