#include "coordinator/run/own_pki_status.h"

#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/process/parallel.h"
#include "coordinator/transfer/agent_dialer.h"

namespace lighter {

absl::StatusOr<AgentsReport> ReadOwnPkiStates(const Kubectl& kubectl, const std::string& tls_dir) {
  ASSIGN_OR_RETURN(const AgentDialer dialer, AgentDialer::FromTlsFolder(tls_dir));
  const Cluster cluster(kubectl);
  ASSIGN_OR_RETURN(std::vector<Node> nodes, cluster.Nodes());
  std::erase_if(nodes, [](const Node& node) { return node.os != "linux"; });
  ASSIGN_OR_RETURN(std::vector<AgentPod> agents, cluster.Agents());
  AddAgentsWithoutPods(nodes, agents);
  const NodeSelection selection =
      SelectNodes(nodes, agents, "", [&](const std::string& node, const std::string& address) {
        return dialer.Dial(node, address);
      });
  AgentsReport report;
  for (const NodePlan& node : selection.nodes) {
    report.states.push_back({.node = node.name, .status = node.status});
  }
  InParallel(selection.nodes.size(), [&](size_t i) {
    const NodePlan& node = selection.nodes[i];
    if (!node.status.ok()) return;
    AskState(*node.endpoint.stub,
             node.has_pod ? "see its log, and that its certificates are of this authority"
                          : "no agent's pod runs on this node",
             report.states[i]);
  });
  for (const auto& left_out : selection.left_out) {
    report.states.push_back(
        {.node = left_out.name, .status = absl::UnavailableError(left_out.cause)});
  }
  return report;
}

}  // namespace lighter
