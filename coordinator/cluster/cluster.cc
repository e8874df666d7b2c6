#include "coordinator/cluster/cluster.h"

#include "common/status.h"

namespace lighter {

absl::StatusOr<std::string> Cluster::Id() const {
  return kubectl_.Run({"get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"});
}

absl::StatusOr<std::vector<Node>> Cluster::Nodes() const {
  ASSIGN_OR_RETURN(const std::string out, kubectl_.Run({"get", "nodes", "-o", "json"}));
  return ParseNodes(out);
}

absl::StatusOr<std::vector<AgentPod>> Cluster::Agents() const {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl_.Run({"get", "pods", "-A", "-l", "app.kubernetes.io/name=lighter-agent",
                                 "-o", "json"}));
  return ParseAgents(out);
}

absl::StatusOr<std::set<std::string>> Cluster::UsedImages() const {
  ASSIGN_OR_RETURN(const std::string out, kubectl_.Run({"get", "pods", "-A", "-o", "json"}));
  return ParseUsedImages(out);
}

absl::StatusOr<std::vector<PodState>> Cluster::Pods(const std::string& ns,
                                                    const std::string& release) const {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl_.Run({"get", "deployments,statefulsets,daemonsets,replicasets,jobs,pods",
                                 "-n", ns, "-o", "json"}));
  return ParsePods(out, release);
}

}  // namespace lighter
