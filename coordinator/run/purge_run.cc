#include "coordinator/run/purge_run.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"
#include "coordinator/desired/prune.h"
#include "coordinator/desired/publish.h"
#include "coordinator/install/authority_secret.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

// `list` without all that no pod uses.
v1::Desired OnlyUsed(const v1::Desired& list, const std::set<std::string>& used) {
  PruneQuery all = {.charts = {}, .previous = true};
  for (const v1::DesiredRelease& entry : list.releases()) {
    if (IsChartAlone(entry)) all.charts.insert(entry.name());
  }
  const absl::StatusOr<PrunePlan> plan =
      PlanPrune(list, {.releases = {}, .used_images = used}, all);
  return plan.ok() ? plan->list : list;
}

absl::Status EmptyList(const Kubectl& kubectl, const Authority& authority,
                       const std::vector<NodeEndpoint>& endpoints,
                       const std::set<std::string>& used, PurgeReport& report) {
  ASSIGN_OR_RETURN(const DesiredMap map, ReadDesiredMap(kubectl, authority));
  if (!map.problem.empty()) {
    report.notes.push_back("the cluster's desired list does not count: " + map.problem);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const PublishOutcome outcome,
                   PublishDesired(kubectl, authority, endpoints,
                                  [&](const v1::Desired& list) { return OnlyUsed(list, used); }));
  report.notes.insert(report.notes.end(), outcome.notes.begin(), outcome.notes.end());
  return absl::OkStatus();
}

std::string DescribeOutcome(const PrunedNode& node, bool dry_run) {
  if (!node.status.ok()) {
    return absl::StrCat("  ", OneLine(Message(node.status)),
                        "; what lighter loaded stays there: `ctr -n k8s.io images rm` on that node "
                        "removes it\n");
  }
  std::string text;
  for (const std::string& name : node.removed) {
    absl::StrAppend(&text, dry_run ? "  would go  " : "  removed  ", OneLine(name), "\n");
  }
  for (const auto& [name, cause] : node.refused) {
    absl::StrAppend(&text, dry_run ? "  would stay  " : "  stays  ", OneLine(name), ": ",
                    OneLine(cause), "\n");
  }
  return text.empty() ? "  holds nothing that lighter loaded\n" : text;
}

}  // namespace

bool PurgeReport::Complete() const {
  return std::all_of(nodes.begin(), nodes.end(), [](const PrunedNode& node) {
    return node.status.ok() && node.refused.empty();
  });
}

absl::StatusOr<PurgeReport> RunPurge(const Kubectl& kubectl, bool dry_run) {
  PurgeReport report;
  ASSIGN_OR_RETURN(const std::optional<Authority> authority, FindAuthority(kubectl));
  if (!authority.has_value()) {
    report.notes.push_back(
        "no agent can be asked (there is no Secret lighter-authority), so images stay; to remove "
        "them, run `lighter agent install` first");
    return report;
  }
  ASSIGN_OR_RETURN(const AgentDialer dialer, AgentDialer::FromAuthority(*authority));
  const Cluster cluster(kubectl);
  ASSIGN_OR_RETURN(std::set<std::string> used, cluster.UsedImages());
  ASSIGN_OR_RETURN(RemoveTargets targets, FindRemoveTargets(kubectl, dialer));
  if (!dry_run) {
    RETURN_IF_ERROR(EmptyList(kubectl, *authority, targets.endpoints, used, report));
    // Pods may have come while the list was published.
    absl::StatusOr<std::set<std::string>> now = cluster.UsedImages();
    RETURN_IF_ERROR(
        Annotate(now.status(), "the list is smaller now, and no name was removed from any node"));
    used.merge(*now);
  }
  v1::RemoveRequest request;
  request.set_all(true);
  request.set_dry_run(dry_run);
  *request.mutable_in_use() = {used.begin(), used.end()};
  RemoveOnNodes(request, targets);
  report.nodes = std::move(targets.nodes);
  return report;
}

std::string DescribePurge(const PurgeReport& report, bool dry_run) {
  std::string text;
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, "note: ", OneLine(note), "\n");
  }
  std::map<std::string, std::vector<std::string>> nodes_by_outcome;
  for (const PrunedNode& node : report.nodes) {
    nodes_by_outcome[DescribeOutcome(node, dry_run)].push_back(node.node);
  }
  for (const auto& [outcome, nodes] : nodes_by_outcome) {
    absl::StrAppend(&text, "Images on ", absl::StrJoin(nodes, ", "), ":\n", outcome);
  }
  return text;
}

ordered_json PurgeToJson(const PurgeReport& report) {
  ordered_json nodes = ordered_json::array();
  for (const PrunedNode& node : report.nodes) {
    ordered_json stays = ordered_json::array();
    for (const auto& [name, cause] : node.refused) {
      stays.push_back({{"name", name}, {"cause", cause}});
    }
    nodes.push_back({{"name", node.node},
                     {"removed", node.removed},
                     {"stays", stays},
                     {"error", Message(node.status)}});
  }
  return {{"nodes", nodes}, {"notes", report.notes}};
}

}  // namespace lighter
