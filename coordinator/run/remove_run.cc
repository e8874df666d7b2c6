#include "coordinator/run/remove_run.h"

#include <algorithm>
#include <thread>

#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/process/parallel.h"
#include "coordinator/transfer/protocol.h"

namespace lighter {
namespace {

// containerd may collect what no name holds any more before it answers.
constexpr absl::Duration kRemoveTimeout = absl::Minutes(2);

void AskAgent(const NodeEndpoint& endpoint, const v1::RemoveRequest& request, PrunedNode& node) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kRemoveTimeout));
  v1::RemoveReply reply;
  node.status = FromGrpc(endpoint.stub->Remove(&context, request, &reply));
  if (!node.status.ok()) return;
  node.removed = {reply.removed().begin(), reply.removed().end()};
  for (const v1::RemoveRefusal& refusal : reply.refused()) {
    node.refused.emplace_back(refusal.name(), refusal.cause());
  }
}

}  // namespace

absl::StatusOr<RemoveTargets> FindRemoveTargets(const Kubectl& kubectl, const AgentDialer& dialer) {
  ASSIGN_OR_RETURN(std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  std::sort(pods.begin(), pods.end(),
            [](const InstalledPod& a, const InstalledPod& b) { return a.node < b.node; });
  RemoveTargets targets;
  for (const InstalledPod& pod : pods) {
    if (pod.terminating) continue;
    PrunedNode& node = targets.nodes.emplace_back();
    node.node = pod.node;
    if (!pod.ready) {
      node.status = absl::UnavailableError("its agent is not ready");
      continue;
    }
    targets.node_of.push_back(targets.nodes.size() - 1);
    targets.endpoints.push_back({.name = pod.node, .stub = dialer.Dial(pod.node, pod.address)});
  }
  RETURN_IF_ERROR(CheckAgents(targets));
  return targets;
}

absl::Status CheckAgents(RemoveTargets& targets) {
  std::vector<absl::StatusOr<v1::InfoReply>> infos(targets.endpoints.size());
  InParallel(infos.size(), [&](size_t i) { infos[i] = AskInfo(*targets.endpoints[i].stub); });
  std::vector<NodeEndpoint> endpoints;
  std::vector<size_t> node_of;
  for (size_t i = 0; i < infos.size(); ++i) {
    PrunedNode& node = targets.nodes[targets.node_of[i]];
    node.status = infos[i].status();
    if (!node.status.ok()) continue;
    RETURN_IF_ERROR(
        Annotate(CheckProtocol(*infos[i]), absl::StrCat("nothing was changed; ", node.node)));
    endpoints.push_back(std::move(targets.endpoints[i]));
    node_of.push_back(targets.node_of[i]);
  }
  targets.endpoints = std::move(endpoints);
  targets.node_of = std::move(node_of);
  return absl::OkStatus();
}

void RemoveOnNodes(const v1::RemoveRequest& request, RemoveTargets& targets) {
  std::vector<std::thread> threads;
  threads.reserve(targets.endpoints.size());
  for (size_t i = 0; i < targets.endpoints.size(); ++i) {
    threads.emplace_back(
        [&, i] { AskAgent(targets.endpoints[i], request, targets.nodes[targets.node_of[i]]); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace lighter
