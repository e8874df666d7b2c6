#include "coordinator/plan/node_plan.h"

#include <thread>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

constexpr absl::Duration kInventoryTimeout = absl::Seconds(60);

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

// The answer covers every name asked about, and what must move fits on the node's disk.
absl::Status CheckInventory(const std::vector<v1::Image>& images, const NodePlan& node) {
  absl::flat_hash_set<std::string> answered;
  for (const v1::NameState& name : node.inventory.names()) answered.insert(name.name());
  for (const v1::Image& image : images) {
    for (const std::string& name : image.names()) {
      if (answered.contains(name)) continue;
      return absl::InternalError(absl::StrCat("the agent says nothing about ", name));
    }
  }
  const uint64_t free = node.inventory.free_bytes();
  if (free == 0 || node.missing_bytes() <= free) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("no room on the disk of containerd: ", FormatBytes(node.missing_bytes()),
                   " to move, ", FormatBytes(free), " free; unpacked it takes more still"));
}

void AskNode(const std::vector<v1::Image>& images, NodePlan& node) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kInventoryTimeout));
  v1::InventoryRequest request;
  *request.mutable_images() = {images.begin(), images.end()};
  node.status = FromGrpc(node.endpoint.stub->Inventory(&context, request, &node.inventory));
  if (absl::IsUnavailable(node.status) || absl::IsDeadlineExceeded(node.status)) {
    node.status = absl::UnavailableError(
        absl::StrCat("the agent at ", node.agent, " does not answer (", Message(node.status), ")"));
  }
  if (node.status.ok()) node.status = CheckInventory(images, node);
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

NodeSelection SelectNodes(const std::vector<Node>& nodes, const std::vector<AgentPod>& agents,
                          const std::string& architecture, const Dialer& dial) {
  NodeSelection selection;
  for (const Node& node : nodes) {
    if (std::string cause = LeftOutCause(node, architecture); !cause.empty()) {
      selection.left_out.push_back({node.name, std::move(cause)});
      continue;
    }
    const AgentPod* agent = FindAgent(agents, node.name);
    NodePlan plan;
    plan.name = node.name;
    plan.endpoint.name = node.name;
    plan.status = AgentStatus(agent);
    if (plan.status.ok()) {
      plan.agent = agent->address;
      plan.endpoint.stub = dial(agent->address);
    }
    selection.nodes.push_back(std::move(plan));
  }
  return selection;
}

void TakeInventory(const std::vector<v1::Image>& images, std::vector<NodePlan>& nodes) {
  std::vector<std::thread> threads;
  for (NodePlan& node : nodes) {
    if (node.endpoint.stub == nullptr) continue;
    threads.emplace_back([&images, &node] { AskNode(images, node); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace lighter
