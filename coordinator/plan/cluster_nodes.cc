#include "coordinator/plan/cluster_nodes.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/install/enrol.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

constexpr char kNoAgent[] =
    "no agent yet: what it has is not known; `lighter agent install` brings one";

// A taint that agents take off says nothing about where pods can run.
void DropLiftedTaints(const std::vector<AgentPod>& agents, std::vector<Node>& nodes) {
  std::set<std::string> keys;
  for (const AgentPod& agent : agents) keys.insert(agent.lift_taint);
  for (Node& node : nodes) {
    std::erase_if(node.taints, [&](const Taint& taint) { return keys.contains(taint.key); });
  }
}

}  // namespace

// Also the first that is asked of the cluster: its error for an API server that is not there is
// clearer than Helm's.
absl::Status ClusterNodes::Open(bool needs_agents) {
  RETURN_IF_ERROR(cluster_.Nodes().status());
  if (!tls_dir_.empty()) {
    ASSIGN_OR_RETURN(dialer_, AgentDialer::FromTlsFolder(tls_dir_));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(authority_, FindAuthority(cluster_.kubectl()));
  if (!authority_.has_value()) {
    if (!needs_agents) return absl::OkStatus();
    return absl::NotFoundError(
        "no agents are installed in this cluster: `lighter agent install` brings them. Agents that "
        "came in another way are reached with --tls-dir");
  }
  ASSIGN_OR_RETURN(dialer_, AgentDialer::FromAuthority(*authority_));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AgentPod>> ClusterNodes::FindAgents(const std::vector<Node>& nodes) {
  ASSIGN_OR_RETURN(std::vector<AgentPod> agents, cluster_.Agents());
  if (!authority_.has_value()) {
    AddAgentsWithoutPods(nodes, agents);
    return agents;
  }
  // Only what `agent install` put there can have a certificate of this authority.
  const auto is_foreign = [](const AgentPod& agent) { return agent.ns != kAgentNamespace; };
  std::erase_if(agents, is_foreign);
  std::set<std::string> ready_nodes;
  for (const Node& node : nodes) {
    if (node.ready) ready_nodes.insert(node.name);
  }
  const bool all_ready = std::all_of(agents.begin(), agents.end(), [&](const AgentPod& agent) {
    return agent.ready || !ready_nodes.contains(agent.node);
  });
  if (all_ready) return agents;
  EnrolWaiting(cluster_.kubectl(), *authority_, ready_nodes);
  ASSIGN_OR_RETURN(agents, cluster_.Agents());
  std::erase_if(agents, is_foreign);
  return agents;
}

absl::StatusOr<NodeSelection> ClusterNodes::Select(const std::string& architecture) {
  ASSIGN_OR_RETURN(std::vector<Node> nodes, cluster_.Nodes());
  std::vector<AgentPod> agents;
  if (has_agents()) {
    ASSIGN_OR_RETURN(agents, FindAgents(nodes));
  }
  DropLiftedTaints(agents, nodes);
  NodeSelection selection = SelectNodes(
      nodes, agents, architecture, [this](const std::string& node, const std::string& address) {
        return dialer_->Dial(node, address);
      });
  for (NodePlan& node : selection.nodes) {
    if (!has_agents()) node.status = absl::NotFoundError(kNoAgent);
  }
  if (selection.nodes.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no node takes part: ", selection.left_out.size(),
                     " nodes listed, none Ready with containerd",
                     architecture.empty() ? "" : " and of the package's architecture"));
  }
  return selection;
}

const KubeletConfigs& ClusterNodes::Kubelets(const std::vector<NodePlan>& nodes) {
  std::vector<std::string> unasked;
  for (const NodePlan& node : nodes) {
    if (node.status.ok() && !kubelets_.contains(node.name)) unasked.push_back(node.name);
  }
  kubelets_.merge(ReadKubeletConfigs(cluster_.kubectl(), unasked));
  return kubelets_;
}

}  // namespace lighter
