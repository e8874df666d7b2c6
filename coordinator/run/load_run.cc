#include "coordinator/run/load_run.h"

#include <algorithm>

#include "coordinator/plan/load_work.h"
#include "coordinator/transfer/load.h"

namespace lighter {
namespace {

constexpr char kFooter[] =
    "Pods unchanged so far. Safe to stop with Ctrl-C: the same command continues.";

}  // namespace

bool LoadReport::AllProven() const {
  return package.ok() &&
         std::all_of(nodes.begin(), nodes.end(), [](const NodeReport& n) { return n.status.ok(); });
}

LoadReport LoadNodes(const Plan& plan, ProgressMode mode) {
  LoadReport report;
  std::vector<NodeEndpoint> endpoints;
  std::vector<std::string> names;
  std::vector<const NodePlan*> loading;
  for (const NodePlan& node : plan.nodes.nodes) {
    if (!node.status.ok() || node.proven()) {
      report.nodes.push_back({node.name, node.status, 0, {}});
      continue;
    }
    endpoints.push_back(node.endpoint);
    names.push_back(node.name);
    loading.push_back(&node);
  }
  if (endpoints.empty()) return report;

  ProgressBoard board(names);
  const uint64_t all_bytes = DistinctBytes(plan.work);
  for (size_t i = 0; i < loading.size(); ++i) {
    board.Update(i, [&](NodeProgress& row) {
      row.total_bytes = loading[i]->missing_bytes();
      row.present_bytes = all_bytes - std::min(all_bytes, row.total_bytes);
    });
  }
  ProgressDisplay display(board, mode, kFooter);
  const LoadOutcome outcome = RunLoad(plan.work, endpoints, board);
  display.Stop();
  report.package = outcome.package;
  for (const NodeOutcome& node : outcome.nodes) {
    report.nodes.push_back({node.node, node.status, node.moved_bytes, node.put_back});
  }
  return report;
}

void MergeLoadReport(LoadReport& into, const LoadReport& later) {
  into.package.Update(later.package);
  for (const NodeReport& node : later.nodes) {
    const auto it = std::find_if(into.nodes.begin(), into.nodes.end(),
                                 [&](const NodeReport& n) { return n.node == node.node; });
    if (it == into.nodes.end()) {
      into.nodes.push_back(node);
    } else {
      it->status = node.status;
      it->moved_bytes += node.moved_bytes;
      it->put_back = node.put_back;
    }
  }
}

}  // namespace lighter
