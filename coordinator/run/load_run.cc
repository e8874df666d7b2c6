#include "coordinator/run/load_run.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "coordinator/plan/load_work.h"
#include "coordinator/plan/name_problems.h"
#include "coordinator/run/await_checksums.h"
#include "coordinator/transfer/load.h"

namespace lighter {
namespace {

constexpr char kFooter[] =
    "Pods unchanged so far. Safe to stop with Ctrl-C: the same command continues.";

// Why each bundle brings nothing.
std::string NothingToLoad(const Plan& plan) {
  std::vector<std::string> causes;
  for (const SkippedBundle& skipped : plan.releases.skipped) {
    causes.push_back(absl::StrCat(plan.package.bundles[skipped.bundle].name, ": ", skipped.cause));
  }
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    causes.push_back(absl::StrCat(bundle.name, bundle.images.images.empty()
                                                   ? ": no images in it"
                                                   : ": none of its images has a name"));
  }
  return absl::StrJoin(causes, "; ");
}

// What the verifier says so far. Staged nodes wait for it, and their rows say so.
PackageVerdict VerdictOf(const ChecksumVerifier& checksums, ProgressBoard& board, size_t nodes) {
  return [&checksums, &board, nodes] {
    const std::optional<absl::Status> verdict = checksums.Verdict(absl::ZeroDuration());
    const std::string step = verdict.has_value() ? kWaitsForNodes : ChecksumStep(checksums);
    for (size_t i = 0; i < nodes; ++i) {
      board.Update(i, [&](NodeProgress& row) {
        if (row.phase == NodePhase::kStaged) row.step = step;
      });
    }
    return verdict;
  };
}

}  // namespace

absl::Status CheckLoad(const Plan& plan) {
  RETURN_IF_ERROR(CheckNames(plan));
  if (!plan.work.images.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("nothing to load: ", NothingToLoad(plan)));
}

bool LoadReport::AllProven() const {
  return package.ok() &&
         std::all_of(nodes.begin(), nodes.end(), [](const NodeReport& n) { return n.status.ok(); });
}

bool LoadReport::Suffices() const {
  const std::set<std::string> failed = UnprovenNodes(*this);
  return package.ok() &&
         std::includes(allowed.begin(), allowed.end(), failed.begin(), failed.end());
}

std::set<std::string> UnprovenNodes(const LoadReport& report) {
  std::set<std::string> failed;
  for (const NodeReport& node : report.nodes) {
    if (!node.status.ok()) failed.insert(node.node);
  }
  return failed;
}

void AllowUnproven(const Plan& plan, LoadReport& report) {
  const std::set<std::string> failed = UnprovenNodes(report);
  report.allowed.clear();
  if (plan.allow_unproven.Allows(failed, report.nodes.size())) report.allowed = failed;
}

LoadReport LoadNodes(const Plan& plan, const ChecksumVerifier& checksums, ProgressMode mode) {
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
  if (endpoints.empty()) {
    report.package = AwaitChecksums(checksums, mode);
    return report;
  }

  ProgressBoard board(names);
  for (size_t i = 0; i < loading.size(); ++i) {
    board.Update(i, [&](NodeProgress& row) {
      const uint64_t all_bytes = DistinctBytes(plan.work, loading[i]->endpoint);
      row.total_bytes = loading[i]->missing_bytes();
      row.present_bytes = all_bytes - std::min(all_bytes, row.total_bytes);
    });
  }
  ProgressDisplay display(board, mode, kFooter);
  const LoadOutcome outcome =
      RunLoad(plan.work, endpoints, board, VerdictOf(checksums, board, endpoints.size()));
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
