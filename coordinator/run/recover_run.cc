#include "coordinator/run/recover_run.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/package/package.h"
#include "coordinator/run/command_lock.h"
#include "coordinator/run/rollback_report.h"

namespace lighter {
namespace {

bool IsAskedFor(const Release& release, const ReleaseQuery& query) {
  return (query.release.empty() || release.name == query.release) &&
         (query.ns.empty() || release.ns == query.ns);
}

// One a chart: which of several is meant nobody said.
absl::StatusOr<std::vector<Release>> FindPending(const PlanOptions& options) {
  ASSIGN_OR_RETURN(const Package package, OpenPackage(options.package));
  ASSIGN_OR_RETURN(const Helm helm, Helm::Find(options.helm));
  ASSIGN_OR_RETURN(const std::vector<Release> releases, helm.List());
  std::vector<Release> pending;
  for (const Bundle& bundle : package.bundles) {
    std::vector<Release> found;
    for (const Release& release : releases) {
      if (!ChartVersionOf(release, bundle.chart_name).empty() && IsAskedFor(release, options.query))
        found.push_back(release);
    }
    if (found.size() > 1) {
      return absl::FailedPreconditionError(
          absl::StrCat("chart ", bundle.chart_name, " has ", found.size(),
                       " releases; name the one to recover and upgrade, with -n NAMESPACE"));
    }
    if (found.size() == 1 && absl::StartsWith(found[0].status, "pending")) {
      pending.push_back(found[0]);
    }
  }
  return pending;
}

absl::Status Recover(const Release& release, const PlanOptions& options,
                     const RollbackRunOptions& rollback, const RunFolder& folder,
                     const std::function<void(const std::string&)>& say, std::string& changed) {
  Verifier verifier({.kubectl = options.kubectl,
                     .helm = options.helm,
                     .tls_dir = options.tls_dir,
                     .release = release.name,
                     .ns = release.ns});
  RETURN_IF_ERROR(verifier.Open());
  const std::string lock_ns = LockNamespace(verifier.nodes().authority());
  RETURN_IF_ERROR(rollback.lock->Take({LockOfRelease(lock_ns, release.ns, release.name)}));
  ASSIGN_OR_RETURN(const RollbackPlan plan, PlanRollback(verifier, 0));
  const RollbackReport report = RunRollback(verifier, plan, folder, rollback, say);
  if (report.release.change != ReleaseChange::kNone) {
    absl::StrAppend(&changed, "Helm was run to roll back release ", release.name, " (namespace ",
                    release.ns, "). ");
  }
  if (report.Succeeded()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("release ", release.name, " (namespace ", release.ns, ") is ", release.status,
                   " and could not go back:\n", DescribeRollback(plan, report, folder)));
}

}  // namespace

absl::Status RecoverPending(const PlanOptions& options, const RollbackRunOptions& rollback,
                            const RunFolder& folder,
                            const std::function<void(const std::string&)>& say,
                            std::string& changed) {
  ASSIGN_OR_RETURN(const std::vector<Release> pending, FindPending(options));
  for (const Release& release : pending) {
    say(absl::StrCat("release ", release.name, " (namespace ", release.ns, ") is ", release.status,
                     ": it goes back to the last revision that ran"));
    RETURN_IF_ERROR(Recover(release, options, rollback, folder, say, changed));
  }
  return absl::OkStatus();
}

}  // namespace lighter
