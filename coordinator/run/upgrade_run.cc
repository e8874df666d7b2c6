#include "coordinator/run/upgrade_run.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/plan/describe.h"
#include "coordinator/plan/name_problems.h"
#include "coordinator/plan/name_work.h"
#include "coordinator/plan/pod_denials.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/run/crd_step.h"
#include "coordinator/run/helm_step.h"
#include "coordinator/run/publish_load.h"
#include "coordinator/run/report.h"

namespace lighter {
namespace {

// Nodes may join while a load runs; each round loads those that did. Past this many something
// flaps.
constexpr int kMaxLoadRounds = 3;

// Every node is, but those that need not be.
bool AllProven(const Plan& plan, const LoadReport& load) {
  return std::all_of(plan.nodes.nodes.begin(), plan.nodes.nodes.end(), [&](const NodePlan& node) {
    return node.proven() || load.allowed.contains(node.name);
  });
}

// CheckPodsStart, but for nodes on which pods need not start.
absl::Status CheckPodsStartOn(const Plan& plan, bool is_loaded, LoadReport& load) {
  const absl::Status status = CheckPodsStart(plan.start.problems, is_loaded);
  if (status.ok()) return status;
  std::set<std::string> nodes = load.allowed;
  for (const StartProblem& problem : plan.start.problems) {
    if (problem.blocks) nodes.insert(problem.nodes.begin(), problem.nodes.end());
  }
  if (!plan.allow_unproven.Allows(nodes, plan.nodes.nodes.size())) return status;
  load.allowed = std::move(nodes);
  return absl::OkStatus();
}

// Why Helm must not run after this load; OK when it may.
absl::Status Barrier(const LoadReport& load) {
  if (!load.package.ok()) return load.package;
  if (StopRequested()) return absl::CancelledError("stopped on request");
  if (load.Suffices()) return absl::OkStatus();
  const std::set<std::string> failed = UnprovenNodes(load);
  return absl::FailedPreconditionError(absl::StrCat(
      failed.size(), " of ", load.nodes.size(), " nodes could not be proven: ", NodeNames(failed)));
}

absl::Status CheckPlan(const Plan& plan) {
  RETURN_IF_ERROR(CheckNames(plan));
  RETURN_IF_ERROR(CheckPodsAdmitted(plan));
  RETURN_IF_ERROR(CheckPlaced(plan.placement));
  if (plan.releases.bundles.empty()) {
    return absl::FailedPreconditionError(
        "nothing to upgrade: no bundle of this package has a release in this cluster; "
        "--install -n NAMESPACE installs what has none");
  }
  return absl::OkStatus();
}

std::vector<Release> ReleasesOf(const Plan& plan) {
  std::vector<Release> releases;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    if (!planned.owner.has_value()) releases.push_back(planned.release);
  }
  return releases;
}

std::vector<ReleaseReport> Untouched(const Plan& plan) {
  std::vector<ReleaseReport> releases;
  const std::set<std::string> moved = NamesToMove(plan);
  for (const PlannedBundle& planned : plan.releases.bundles) {
    ReleaseReport report;
    report.moved_names = MovedUnder(planned, moved);
    report.release = planned.release.name;
    report.ns = planned.release.ns;
    report.from_version = planned.installed_version;
    report.to_version = plan.package.bundles[planned.bundle].chart_version;
    report.from_revision = planned.release.revision;
    report.from_status = planned.release.status;
    report.values_backup = planned.values_backup;
    report.owner = planned.owner;
    releases.push_back(std::move(report));
  }
  return releases;
}

// The last word before Helm.
std::string DescribeProof(const Plan& plan, const LoadReport& load) {
  const size_t nodes = plan.nodes.nodes.size();
  if (load.allowed.empty()) return absl::StrCat("All images are proven on ", nodes, " nodes.");
  return absl::StrCat("All images are proven on ", nodes - load.allowed.size(), " of ", nodes,
                      " nodes.\nwarning: N-UNPROVEN: ", NodeNames(load.allowed),
                      ": not proven, and Helm runs all the same (--allow-unproven ",
                      plan.allow_unproven.text(),
                      "); pods that start there may hang in ImagePullBackOff");
}

// Helm needs the images, not the list, unless pods need the node's own registry.
absl::Status CheckPublished(const Plan& plan, const DesiredReport& desired) {
  if (desired.status.ok() || plan.start.answered.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the desired list could not be written (", Message(desired.status),
      "), and the nodes' own registries serve only what it holds; kubelets will pull from them: ",
      absl::StrJoin(plan.start.answered, ", ")));
}

}  // namespace

bool UpgradeReport::Succeeded() const {
  return blocked.ok() && std::all_of(releases.begin(), releases.end(), [](const ReleaseReport& r) {
           return r.state == ReleaseState::kUpgraded || r.owner.has_value();
         });
}

bool UpgradeReport::LeftToOwners() const {
  return std::any_of(releases.begin(), releases.end(),
                     [](const ReleaseReport& r) { return r.owner.has_value(); });
}

UpgradeReport RunUpgrade(PlanMaker& maker, Plan& plan, const RunFolder& folder,
                         const UpgradeRunOptions& options,
                         const std::function<void(const std::string&)>& say) {
  UpgradeReport report;
  report.releases = Untouched(plan);
  report.blocked = CheckPlan(plan);
  if (report.blocked.ok()) {
    report.blocked = CheckPodsStartOn(plan, /*is_loaded=*/false, report.load);
  }
  if (!report.blocked.ok()) return report;

  const ChecksumVerifier checksums(plan.checksums);
  for (int round = 0;; ++round) {
    MergeLoadReport(report.load, LoadNodes(plan, checksums, options.progress));
    AllowUnproven(plan, report.load);
    if (report.blocked = Barrier(report.load); !report.blocked.ok()) return report;
    // Proven once more, on the nodes that are there now, right before anything changes.
    if (report.blocked = maker.RefreshNodes(plan); !report.blocked.ok()) return report;
    if (report.blocked = CheckNames(plan); !report.blocked.ok()) return report;
    const bool is_loaded = AllProven(plan, report.load);  // a node may have joined
    report.blocked = CheckPodsStartOn(plan, is_loaded, report.load);
    report.blocked.Update(CheckPlaced(plan.placement));
    if (!report.blocked.ok()) return report;
    if (is_loaded) break;
    if (round == kMaxLoadRounds) {
      report.blocked = absl::AbortedError("the nodes keep changing; see `kubectl get nodes -w`");
      return report;
    }
  }
  // Before Helm: the pods that it starts ask for images that must not be collected meanwhile.
  if (options.publish) report.load.desired = PublishLoad(maker, plan);
  const std::string words = DescribeDesired(report.load.desired);
  if (!words.empty()) say(std::string(absl::StripSuffix(words, "\n")));
  report.blocked = CheckPublished(plan, report.load.desired);
  if (!report.blocked.ok()) return report;
  report.blocked = CheckReleasesUnchanged(ReleasesOf(plan), *maker.helm());
  if (report.blocked.ok() && options.lock != nullptr) report.blocked = options.lock->CheckHeld();
  if (!report.blocked.ok()) return report;
  say(DescribeProof(plan, report.load));
  for (const LeftOutNode& node : plan.nodes.left_out) {
    say(absl::StrCat("warning: ", node.name, " is left out (", node.cause,
                     "): where a DaemonSet wants a pod there, Helm waits for it until --timeout; "
                     "--no-wait does not"));
  }

  for (size_t i = 0; i < plan.releases.bundles.size(); ++i) {
    if (StopRequested()) {
      const absl::Status stopped = absl::CancelledError("stopped on request");
      if (i == 0) report.blocked = stopped;
      report.releases[i].status = stopped;
      break;
    }
    const PlannedBundle& planned = plan.releases.bundles[i];
    ReleaseReport& release = report.releases[i];
    if (planned.owner.has_value()) continue;
    if (i > 0) {
      release.status = CheckReleasesUnchanged({planned.release}, *maker.helm());
      if (release.status.ok() && options.lock != nullptr) {
        release.status = options.lock->CheckHeld();
      }
      if (!release.status.ok()) break;
    }
    if (plan.apply_crds && !planned.crd_changes.empty()) {
      release.status = ApplyCrdsOf(planned, maker.cluster().kubectl(), folder.path(), say, release);
      if (!release.status.ok()) break;
    }
    const UpgradeOptions upgrade = {.chart_dir = planned.chart_dir,
                                    .values = planned.values,
                                    .timeout = options.timeout,
                                    .wait = options.wait,
                                    .log_path = HelmLog(folder.path())};
    say(absl::StrCat(planned.release.revision == 0 ? "helm install " : "helm upgrade ",
                     DescribeRelease(plan, planned), " ... (log: ", upgrade.log_path,
                     "; Ctrl-C twice interrupts Helm)"));
    RunHelmStep(
        {.release = planned.release,
         .helm = *maker.helm(),
         .cluster = maker.cluster(),
         .wait = options.wait,
         .timeout = options.timeout,
         .folder = folder.path(),
         .restore = options.rollback_on_failure,
         .say = say},
        [&] { return maker.helm()->Upgrade(planned.release, upgrade); }, release);
    if (!release.status.ok()) break;
  }
  return report;
}

}  // namespace lighter
