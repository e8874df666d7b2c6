#include "coordinator/run/prune_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/describe.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

std::string DescribeNode(const PrunedNode& node) {
  if (!node.status.ok()) {
    return absl::StrCat("  ", node.node, ": ", OneLine(Message(node.status)),
                        "; the names stay there: `ctr -n k8s.io images rm` on that node removes "
                        "them\n");
  }
  std::string text = absl::StrCat("  ", node.node, ": ", Count(node.removed.size(), "name"),
                                  " removed", node.refused.empty() ? "\n" : ", these not:\n");
  for (const auto& [name, cause] : node.refused) {
    absl::StrAppend(&text, "    ", OneLine(name), ": ", OneLine(cause), "\n");
  }
  return text;
}

}  // namespace

std::string DescribePrune(const PruneReport& report) {
  const PrunePlan& plan = report.plan;
  std::string text;
  for (const PrunedEntry& entry : plan.entries) {
    absl::StrAppend(&text, entry.name, ": ", entry.cause, "\n");
    for (const std::string& name : entry.in_use) {
      absl::StrAppend(&text, "  ", name, " stays: a pod uses it\n");
    }
  }
  if (!plan.charts_alone.empty()) {
    absl::StrAppend(&text, "Loaded and not installed yet, so they stay unless they are named: ",
                    absl::StrJoin(plan.charts_alone, ", "), "\n");
  }
  for (const std::string& release : plan.previous_kept) {
    absl::StrAppend(&text, release,
                    ": what it keeps for a rollback stays: by helm's account it may run that (what "
                    "was loaded last is not deployed)\n");
  }
  for (const std::string& note : report.notes) absl::StrAppend(&text, "note: ", note, "\n");
  if (!report.applied) {
    if (plan.list.generation() == report.generation) return text + "Nothing to remove.\n";
    absl::StrAppend(&text, plan.removals.empty()
                               ? "No name would be removed: others need them all.\n"
                               : absl::StrCat("These ", plan.removals.size(),
                                              " names would be removed from all nodes:\n"));
    for (const auto& [name, digest] : plan.removals) absl::StrAppend(&text, "  ", name, "\n");
    return text + "Nothing was changed; the same command with --yes does it.\n";
  }
  absl::StrAppend(&text, "Not held any more (desired list number ", report.generation,
                  "): ", plan.removals.size(), " names\n");
  if (plan.removals.empty()) return text;
  for (const PrunedNode& node : report.nodes) absl::StrAppend(&text, DescribeNode(node));
  return text;
}

ordered_json PruneToJson(const PruneReport& report) {
  ordered_json entries = ordered_json::array();
  for (const PrunedEntry& entry : report.plan.entries) {
    entries.push_back({{"name", entry.name}, {"cause", entry.cause}, {"inUse", entry.in_use}});
  }
  ordered_json nodes = ordered_json::array();
  for (const PrunedNode& node : report.nodes) {
    ordered_json refused = ordered_json::array();
    for (const auto& [name, cause] : node.refused) {
      refused.push_back({{"name", name}, {"cause", cause}});
    }
    nodes.push_back({{"name", node.node},
                     {"removed", node.removed},
                     {"refused", refused},
                     {"error", Message(node.status)}});
  }
  ordered_json removals = ordered_json::array();
  for (const auto& [name, digest] : report.plan.removals) removals.push_back(name);
  return {{"apiVersion", kJsonApiVersion},
          {"kind", "Prune"},
          {"applied", report.applied},
          {"entries", entries},
          {"removals", removals},
          {"chartsAlone", report.plan.charts_alone},
          {"previousKept", report.plan.previous_kept},
          {"desiredGeneration", report.generation},
          {"notes", report.notes},
          {"nodes", nodes}};
}

}  // namespace lighter
