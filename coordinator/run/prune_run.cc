#include "coordinator/run/prune_run.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"
#include "coordinator/desired/publish.h"
#include "coordinator/install/authority_secret.h"
#include "coordinator/transfer/agent_dialer.h"

namespace lighter {
namespace {

absl::StatusOr<PruneFacts> ReadFacts(const PruneOptions& options) {
  PruneFacts facts;
  ASSIGN_OR_RETURN(const Helm helm, Helm::Find(options.helm));
  ASSIGN_OR_RETURN(const std::vector<Release> releases, helm.ListAll());
  for (const Release& release : releases) {
    facts.releases[EntryName(release.ns, release.name)] = release;
  }
  ASSIGN_OR_RETURN(facts.used_images, Cluster(Kubectl(options.kubectl)).UsedImages());
  return facts;
}

// Leaves of the removals what is not needed again; `before` is the list that they were planned
// from.
absl::StatusOr<PruneFacts> LookAgain(const Kubectl& kubectl, const Authority& authority,
                                     const v1::Desired& before, const PruneOptions& options,
                                     PruneReport& report) {
  ASSIGN_OR_RETURN(const PruneFacts facts, ReadFacts(options));
  ASSIGN_OR_RETURN(const DesiredMap map, ReadDesiredMap(kubectl, authority));
  const size_t planned = report.plan.removals.size();
  report.plan.removals = StillUnneeded(report.plan, before, map.list, facts, options.query);
  const size_t kept = planned - report.plan.removals.size();
  if (kept > 0) {
    report.notes.push_back(
        absl::StrCat(kept, " names stay on the nodes: somebody needs them again meanwhile"));
  }
  return facts;
}

// Publishes the smaller list, looks once more at what the cluster needs, then has every agent
// remove the rest. In this order, so that another run's load, which proves names before its list
// has them, is seen by one of the two looks, or by the agent that it runs on.
absl::Status Apply(const Kubectl& kubectl, const Authority& authority, const PruneFacts& facts,
                   const PruneOptions& options, PruneReport& report) {
  ASSIGN_OR_RETURN(const AgentDialer dialer, AgentDialer::FromAuthority(authority));
  ASSIGN_OR_RETURN(RemoveTargets targets, FindRemoveTargets(kubectl, dialer));
  // Somebody may have loaded meanwhile: each newer list is looked at anew.
  absl::Status planned;
  v1::Desired before;
  const DesiredEdit edit = [&](const v1::Desired& list) {
    before = list;
    absl::StatusOr<PrunePlan> plan = PlanPrune(list, facts, options.query);
    planned = plan.status();
    if (!plan.ok()) return list;
    report.plan = *std::move(plan);
    return report.plan.list;
  };
  ASSIGN_OR_RETURN(PublishOutcome outcome,
                   PublishDesired(kubectl, authority, targets.endpoints, edit));
  RETURN_IF_ERROR(planned);
  report.generation = outcome.list.generation();
  report.notes = std::move(outcome.notes);
  report.applied = true;
  const absl::StatusOr<PruneFacts> now = LookAgain(kubectl, authority, before, options, report);
  RETURN_IF_ERROR(
      Annotate(now.status(), "the list is smaller now, and no name was removed from any node"));
  if (!report.plan.removals.empty()) {
    v1::RemoveRequest request;
    for (const auto& [name, digest] : report.plan.removals) {
      v1::NamedImage* const image = request.add_images();
      image->set_name(name);
      image->set_manifest_digest(digest);
    }
    // Names by digest, too, which no list has.
    *request.mutable_in_use() = {now->used_images.begin(), now->used_images.end()};
    RemoveOnNodes(request, targets);
  }
  report.nodes = std::move(targets.nodes);
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
  RETURN_IF_ERROR(Apply(kubectl, *authority, facts, options, report));
  return report;
}

}  // namespace lighter
