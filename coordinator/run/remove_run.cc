#include "coordinator/run/remove_run.h"

#include <thread>

#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/transfer/protocol.h"

namespace lighter {
namespace {

// containerd may collect what no name holds any more before it answers.
constexpr absl::Duration kRemoveTimeout = absl::Minutes(2);

constexpr absl::Duration kInfoTimeout = absl::Seconds(20);

// An agent of another protocol may not know all of a request, and do something else.
absl::Status CheckAgent(const NodeEndpoint& endpoint) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kInfoTimeout));
  v1::InfoReply info;
  RETURN_IF_ERROR(FromGrpc(endpoint.stub->Info(&context, {}, &info)));
  return CheckProtocol(info);
}

void AskAgent(const NodeEndpoint& endpoint, const v1::RemoveRequest& request, PrunedNode& node) {
  node.status = CheckAgent(endpoint);
  if (!node.status.ok()) return;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kRemoveTimeout));
  v1::RemoveReply reply;
  node.status = FromGrpc(endpoint.stub->Remove(&context, request, &reply));
  if (!node.status.ok()) return;
  node.removed = {reply.removed().begin(), reply.removed().end()};
  for (const v1::RemoveRefusal& refusal : reply.refused()) {
    node.refused.emplace_back(refusal.name(), refusal.cause());
  }
  const auto answered = reply.removed_size() + reply.refused_size();
  if (request.all() || answered == request.images_size()) return;
  node.status = absl::FailedPreconditionError(
      "its agent is of another version; `lighter agent upgrade` mends that");
}

}  // namespace

absl::StatusOr<RemoveTargets> FindRemoveTargets(const Kubectl& kubectl, const AgentDialer& dialer) {
  ASSIGN_OR_RETURN(const std::vector<InstalledPod> pods, ListAgentPods(kubectl));
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
  return targets;
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
