#include "coordinator/run/prune_run.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"
#include "coordinator/desired/publish.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/transfer/agent_dialer.h"

namespace lighter {
namespace {

// containerd may collect what no name holds any more before it answers.
constexpr absl::Duration kRemoveTimeout = absl::Minutes(2);

absl::StatusOr<PruneFacts> ReadFacts(const PruneOptions& options) {
  PruneFacts facts;
  ASSIGN_OR_RETURN(const Helm helm, Helm::Find(options.helm));
  ASSIGN_OR_RETURN(const std::vector<Release> releases, helm.ListAll());
  for (const Release& release : releases) {
    facts.releases.insert(EntryName(release.ns, release.name));
  }
  ASSIGN_OR_RETURN(facts.used_images, Cluster(Kubectl(options.kubectl)).UsedImages());
  return facts;
}

// Has one agent remove `names`.
void RemoveNames(const NodeEndpoint& endpoint, const std::vector<std::string>& names,
                 PrunedNode& node) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kRemoveTimeout));
  v1::RemoveRequest request;
  *request.mutable_names() = {names.begin(), names.end()};
  v1::RemoveReply reply;
  node.status = FromGrpc(endpoint.stub->Remove(&context, request, &reply));
  if (!node.status.ok()) return;
  node.removed = {reply.removed().begin(), reply.removed().end()};
  for (const v1::RemoveRefusal& refusal : reply.refused()) {
    node.refused.emplace_back(refusal.name(), refusal.cause());
  }
}

// Publishes the smaller list, then has every agent remove what it does not hold any more.
absl::Status Apply(const Kubectl& kubectl, const Authority& authority, const PruneFacts& facts,
                   const PruneQuery& query, PruneReport& report) {
  ASSIGN_OR_RETURN(const AgentDialer dialer, AgentDialer::FromAuthority(authority));
  ASSIGN_OR_RETURN(const std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  std::vector<NodeEndpoint> endpoints;
  std::vector<size_t> node_of;  // endpoint -> index into report.nodes
  for (const InstalledPod& pod : pods) {
    if (pod.terminating) continue;
    PrunedNode& node = report.nodes.emplace_back();
    node.node = pod.node;
    if (!pod.ready) {
      node.status = absl::UnavailableError("its agent is not ready");
      continue;
    }
    node_of.push_back(report.nodes.size() - 1);
    endpoints.push_back({.name = pod.node, .stub = dialer.Dial(pod.node, pod.address)});
  }
  // Somebody may have loaded meanwhile: each newer list is looked at anew.
  absl::Status planned;
  const DesiredEdit edit = [&](const v1::Desired& list) {
    absl::StatusOr<PrunePlan> plan = PlanPrune(list, facts, query);
    planned = plan.status();
    if (!plan.ok()) return list;
    report.plan = *std::move(plan);
    return report.plan.list;
  };
  ASSIGN_OR_RETURN(PublishOutcome outcome, PublishDesired(kubectl, authority, endpoints, edit));
  RETURN_IF_ERROR(planned);
  report.generation = outcome.list.generation();
  report.notes = std::move(outcome.notes);
  report.applied = true;
  if (report.plan.removals.empty()) return absl::OkStatus();
  std::vector<std::thread> threads;
  threads.reserve(endpoints.size());
  for (size_t i = 0; i < endpoints.size(); ++i) {
    threads.emplace_back(
        [&, i] { RemoveNames(endpoints[i], report.plan.removals, report.nodes[node_of[i]]); });
  }
  for (std::thread& thread : threads) thread.join();
  return absl::OkStatus();
}

}  // namespace

bool PruneReport::Complete() const {
  return std::all_of(nodes.begin(), nodes.end(), [](const PrunedNode& node) {
    return node.status.ok() && node.refused.empty();
  });
}

absl::StatusOr<PruneReport> RunPrune(const PruneOptions& options) {
  const Kubectl kubectl(options.kubectl);
  ASSIGN_OR_RETURN(const std::optional<Authority> authority, FindAuthority(kubectl));
  if (!authority.has_value()) {
    return absl::NotFoundError("no agents are installed in this cluster, so nothing is held in it");
  }
  ASSIGN_OR_RETURN(const DesiredMap map, ReadDesiredMap(kubectl, *authority));
  if (!map.problem.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the cluster's desired list does not count: ", map.problem,
                     "; the next `lighter load` writes a new one"));
  }
  ASSIGN_OR_RETURN(const PruneFacts facts, ReadFacts(options));
  PruneReport report;
  report.generation = map.list.generation();
  ASSIGN_OR_RETURN(report.plan, PlanPrune(map.list, facts, options.query));
  if (!options.apply || report.plan.list.generation() == map.list.generation()) return report;
  RETURN_IF_ERROR(Apply(kubectl, *authority, facts, options.query, report));
  return report;
}

}  // namespace lighter
