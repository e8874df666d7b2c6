#include "coordinator/plan/node_plan.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

std::string LeftOutCause(const Node& node, const std::string& architecture) {
  if (!node.ready) return "the node is not Ready";
  if (node.os != "linux") return "its operating system is " + node.os;
  if (!absl::StartsWith(node.runtime, "containerd://")) return "its runtime is " + node.runtime;
  if (!architecture.empty() && node.architecture != architecture) {
    return absl::StrCat("it is ", node.architecture, ", the package is for ", architecture);
  }
  return "";
}

const AgentPod* FindAgent(const std::vector<AgentPod>& agents, const std::string& node) {
  const AgentPod* found = nullptr;
  for (const AgentPod& agent : agents) {
    if (agent.node == node && (found == nullptr || agent.ready)) found = &agent;
  }
  return found;
}

// Why the agent cannot be talked to, and the way out; OK when it can.
absl::Status AgentStatus(const AgentPod* agent) {
  if (agent == nullptr) {
    return absl::NotFoundError(
        "no agent runs on this node; look at `kubectl get pods -A -o wide -l "
        "app.kubernetes.io/name=lighter-agent` and run the same command again when it is there");
  }
  if (agent->ready && !agent->address.empty()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "agent pod ", agent->name, " is not ready", agent->reason.empty() ? "" : ": " + agent->reason,
      "; see `kubectl describe pod -n ", agent->ns, " ", agent->name,
      "` and run the same command again when it is"));
}

}  // namespace

uint64_t NodePlan::missing_bytes() const {
  uint64_t bytes = 0;
  for (const v1::BlobNeed& need : inventory.needs()) {
    bytes += need.size() - std::min(need.offset(), need.size());
  }
  return bytes;
}

bool NodePlan::proven() const {
  if (!status.ok() || inventory.needs_size() > 0) return false;
  for (const v1::NameState& state : inventory.names()) {
    if (!state.proven()) return false;
  }
  return true;
}

void AddAgentsWithoutPods(const std::vector<Node>& nodes, std::vector<AgentPod>& agents) {
  const std::vector<AgentPod> pods = agents;
  for (const Node& node : nodes) {
    if (node.address.empty() || FindAgent(pods, node.name) != nullptr) continue;
    agents.push_back(
        {.node = node.name, .address = HostPort(node.address, kAgentPort), .ready = true});
  }
}

NodeSelection SelectNodes(const std::vector<Node>& nodes, const std::vector<AgentPod>& agents,
                          const std::string& architecture, const Dialer& dial) {
  NodeSelection selection;
  for (const Node& node : nodes) {
    if (std::string cause = LeftOutCause(node, architecture); !cause.empty()) {
      selection.left_out.push_back({node.name, std::move(cause), node});
      continue;
    }
    const AgentPod* agent = FindAgent(agents, node.name);
    NodePlan plan;
    plan.name = node.name;
    plan.endpoint.name = node.name;
    plan.node = node;
    plan.status = AgentStatus(agent);
    if (plan.status.ok()) {
      plan.agent = agent->address;
      plan.has_pod = !agent->name.empty();
      plan.endpoint.stub = dial(node.name, agent->address);
    }
    selection.nodes.push_back(std::move(plan));
  }
  return selection;
}

}  // namespace lighter
