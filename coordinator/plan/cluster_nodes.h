// The nodes of a cluster and the way to their agents.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/pki.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/plan/kubelet_config.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/transfer/agent_dialer.h"

namespace lighter {

// By node; those that could be asked.
using KubeletConfigs = std::map<std::string, KubeletConfig>;

// Thread-compatible.
class ClusterNodes {
 public:
  // `tls_dir`: of the coordinator; empty: the authority that `agent install` made.
  ClusterNodes(const KubectlOptions& kubectl, std::string tls_dir)
      : cluster_(Kubectl(kubectl)), tls_dir_(std::move(tls_dir)) {}

  // Finds the way to the agents; goes first. NotFound where none are installed, unless they are not
  // needed: then has_agents() tells. Kubectl's errors, those of AgentDialer.
  absl::Status Open(bool needs_agents = true);
  bool has_agents() const { return dialer_.has_value(); }

  // As the nodes and agents are now, see SelectNodes; agents that wait for a certificate get one
  // first. Without agents every node's status says so. FailedPrecondition where no node takes part;
  // Kubectl's errors.
  absl::StatusOr<NodeSelection> Select(const std::string& architecture);

  // What the kubelets of those of `nodes` that answered are told. A kubelet reads its configuration
  // when it starts, so one that has answered is not asked again.
  const KubeletConfigs& Kubelets(const std::vector<NodePlan>& nodes);

  const Cluster& cluster() const { return cluster_; }
  // The cluster's authority, once open; null with a TLS folder, or without agents.
  const Authority* authority() const { return authority_.has_value() ? &*authority_ : nullptr; }

 private:
  absl::StatusOr<std::vector<AgentPod>> FindAgents(const std::vector<Node>& nodes);

  Cluster cluster_;
  std::string tls_dir_;
  std::optional<Authority> authority_;
  std::optional<AgentDialer> dialer_;
  KubeletConfigs kubelets_;
};

}  // namespace lighter
