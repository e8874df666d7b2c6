// What the coordinator asks of the Kubernetes API, through the user's own kubectl. Read-only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct Taint {
  std::string key;
  std::string value;
  std::string effect;  // "NoSchedule", "PreferNoSchedule", "NoExecute"
};

struct Node {
  std::string name;
  std::string os;            // "linux"
  std::string architecture;  // "amd64"
  std::string runtime;       // "containerd://1.6.20"
  std::string address;       // InternalIP; empty where it has none
  bool ready = false;
  std::map<std::string, std::string> labels;
  std::vector<Taint> taints;
};

// An agent, where it runs and how to reach it.
struct AgentPod {
  std::string node;
  std::string ns;
  std::string name;     // empty: no pod; a service of the node, if it is there at all
  std::string address;  // "10.0.0.5:7443"
  bool ready = false;
  std::string reason;  // why it is not ready, e.g. "ErrImageNeverPull: ..."; empty where unknown
  std::string lift_taint;  // the key of the startup taint that it takes off its node; mostly empty
};

// A pod of a release and why it is not running, for the report after an upgrade.
struct PodState {
  std::string name;
  std::string node;
  std::string phase;  // "Running"
  bool ready = false;
  std::string reason;  // of the first container that waits: "ImagePullBackOff: ..."
};

// Thread-compatible; every call runs one kubectl process. Errors are Kubectl's.
class Cluster {
 public:
  explicit Cluster(Kubectl kubectl) : kubectl_(std::move(kubectl)) {}

  const Kubectl& kubectl() const { return kubectl_; }

  // What tells this cluster from every other: the UID of its namespace kube-system.
  absl::StatusOr<std::string> Id() const;
  absl::StatusOr<std::vector<Node>> Nodes() const;
  absl::StatusOr<std::vector<AgentPod>> Agents() const;
  // Pods of a Helm release in namespace `ns`.
  absl::StatusOr<std::vector<PodState>> Pods(const std::string& ns,
                                             const std::string& release) const;
  // Names of the images that the pods of all namespaces ask for, normalised.
  absl::StatusOr<std::set<std::string>> UsedImages() const;

 private:
  Kubectl kubectl_;
};

// Parsers of kubectl's JSON, apart so that tests can feed them.
absl::StatusOr<std::vector<Node>> ParseNodes(const std::string& json);
absl::StatusOr<std::vector<AgentPod>> ParseAgents(const std::string& json);
// `json` lists workloads and pods together; a pod belongs to the release when it, or the workload
// that owns it, carries Helm's annotation meta.helm.sh/release-name. Labels are each chart's own
// business.
absl::StatusOr<std::vector<PodState>> ParsePods(const std::string& json,
                                                const std::string& release);

// Every container's image of every pod, also of pods that have ended. Names that cannot be read are
// left out: no node can have an image under them.
absl::StatusOr<std::set<std::string>> ParseUsedImages(const std::string& json);

}  // namespace lighter
