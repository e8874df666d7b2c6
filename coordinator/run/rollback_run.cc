#include "coordinator/run/rollback_run.h"

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/desired.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/desired/merge.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/run/helm_step.h"
#include "coordinator/run/publish_load.h"
#include "coordinator/run/report.h"

namespace lighter {
namespace {

// The chart's version that the release has now; its whole name where it is of another chart.
std::string VersionNow(const RollbackPlan& plan) {
  const std::string version = ChartVersionOf(plan.release, plan.target().revision.chart);
  return version.empty() ? plan.release.chart : version;
}

// Where one image need not be: on nodes that all of its names are spared.
struct Spared {
  std::set<std::string> nodes;
  bool is_chosen = false;
};

// What the nodes must hold for the revision: what the list has under its names, and names of
// lighter's that it has no more.
void AddImages(const RollbackPlan& plan, v1::DesiredRelease& entry, DesiredChange& change) {
  const WantedNames& wanted = plan.target().wanted;
  std::map<std::string, v1::DesiredImage> images;  // by manifest
  std::map<std::string, Spared> spared;
  const auto add = [&](v1::DesiredImage image, const std::string& name) {
    const auto use = wanted.uses.find(name);
    if (use == wanted.uses.end()) return;  // an agent's word for what it was not asked
    const std::string digest = image.manifest_digest();
    const std::set<std::string>& nodes = use->second.spared;
    image.clear_names();
    const auto [it, is_new] = spared.try_emplace(digest, Spared{nodes, image.is_chosen()});
    if (!is_new) {
      std::erase_if(it->second.nodes, [&](const std::string& n) { return !nodes.contains(n); });
    }
    images.try_emplace(digest, image).first->second.add_names(name);
  };
  for (const auto& [name, image] : wanted.held) add(image, name);
  std::set<std::string> added;
  for (const NodePlan& node : plan.verified.nodes.nodes) {
    for (const v1::NameState& state : node.inventory.names()) {
      if (!state.is_lighters() || wanted.held.contains(state.name())) continue;
      if (!added.insert(state.name()).second) continue;
      v1::DesiredImage image;
      image.set_manifest_digest(state.current_manifest_digest());
      image.set_manifest_media_type(state.manifest_media_type());
      image.set_manifest_size(state.manifest_size());
      add(std::move(image), state.name());
    }
  }
  for (auto& [digest, image] : images) {
    const Spared& where = spared.at(digest);
    image.clear_spared();
    image.set_is_chosen(where.is_chosen && !where.nodes.empty());
    if (!where.nodes.empty()) {
      const v1::NodeSet& set = change.node_sets.emplace_back(MakeNodeSet(where.nodes));
      image.set_spared(set.id());
    }
    *entry.add_images() = std::move(image);
  }
}

// To the list a rollback is a load of what was there once: it runs next, and what runs now is kept
// for the way back.
DesiredChange ChangeOfRollback(const RollbackPlan& plan, absl::Time now) {
  const StoredRevision& revision = plan.target().revision;
  DesiredChange change;
  LoadedRelease& loaded = change.releases.emplace_back();
  loaded.chart = revision.chart;
  loaded.entry.set_name(EntryName(plan.release.ns, plan.release.name));
  loaded.entry.set_chart_version(revision.version);
  loaded.entry.set_loaded_unix_seconds(absl::ToUnixSeconds(now));
  loaded.entry.set_revision(plan.release.revision);
  loaded.running_version = VersionNow(plan);
  loaded.is_deployed = plan.release.status == "deployed";
  AddImages(plan, loaded.entry, change);
  AddPeers(plan.verified.nodes, change);
  return change;
}

absl::Status Barrier(const RollbackPlan& plan) {
  if (StopRequested()) return absl::CancelledError("stopped on request");
  if (plan.verified.proven()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pods of revision ", plan.target().revision.revision,
                   " would not all start: it is not proven on every node"));
}

absl::StatusOr<std::string> BackUpValues(const Release& release, const Helm& helm,
                                         const RunFolder& folder) {
  const std::string path = absl::StrCat(folder.path(), "/", release.ns, ".", release.name,
                                        ".before-rollback.values.yaml");
  ASSIGN_OR_RETURN(const std::string values, helm.UserValues(release));
  RETURN_IF_ERROR(WriteFileAtomic(path, values, 0600));
  return path;
}

}  // namespace

bool RollbackReport::Succeeded() const {
  return blocked.ok() && release.state == ReleaseState::kRolledBack;
}

absl::StatusOr<RollbackPlan> PlanRollback(Verifier& verifier, int revision) {
  RollbackPlan plan;
  ASSIGN_OR_RETURN(plan.release, verifier.FindRelease());
  ASSIGN_OR_RETURN(const std::vector<HistoryEntry> history, verifier.helm().History(plan.release));
  ASSIGN_OR_RETURN(const HistoryEntry target, ChooseRevision(history, plan.release, revision));
  ASSIGN_OR_RETURN(plan.verified,
                   verifier.VerifyOne(plan.release, target.revision, /*is_strict=*/true));
  if (absl::StartsWith(plan.release.status, "pending")) {
    plan.notes.push_back(absl::StrCat(
        "the release is ", plan.release.status,
        ": a Helm run was cut off, and going back mends that. If a Helm run is still at work on "
        "it, let that end first"));
  }
  const auto owner =
      FindOwner(verifier.nodes().cluster().kubectl(), plan.release.ns, plan.release.name);
  if (owner.ok() && owner->has_value()) {
    plan.notes.push_back(absl::StrCat((*owner)->code, ": ", (*owner)->what,
                                      " upgrades this release, and may undo the rollback; suspend "
                                      "it there first"));
  }
  if (!target.did_run()) {
    plan.notes.push_back(absl::StrCat("revision ", target.revision, " is ", target.status,
                                      " in `helm history`: it never ran as it should"));
  }
  return plan;
}

RollbackReport RunRollback(const Verifier& verifier, const RollbackPlan& plan,
                           const RunFolder& folder, const RollbackRunOptions& options,
                           const std::function<void(const std::string&)>& say) {
  const Release& release = plan.release;
  const VerifiedRelease& target = plan.target();
  RollbackReport report;
  report.release.release = release.name;
  report.release.ns = release.ns;
  report.release.from_version = VersionNow(plan);
  report.release.to_version = target.revision.version;
  report.release.from_revision = release.revision;
  report.release.from_status = release.status;
  if (report.blocked = Barrier(plan); !report.blocked.ok()) return report;

  const Helm& helm = verifier.helm();
  report.blocked = CheckReleasesUnchanged({release}, helm);
  if (!report.blocked.ok()) return report;
  absl::StatusOr<std::string> backup = BackUpValues(release, helm, folder);
  if (report.blocked = backup.status(); !report.blocked.ok()) return report;
  report.release.values_backup = *std::move(backup);
  const ClusterNodes& nodes = verifier.nodes();
  // Before Helm: the pods that it starts ask for images that must not be collected meanwhile.
  if (options.publish && nodes.authority() != nullptr && target.proof.is_lighters) {
    report.desired = PublishChange(nodes.cluster(), *nodes.authority(), plan.verified.nodes,
                                   ChangeOfRollback(plan, absl::Now()));
    const std::string words = DescribeDesired(report.desired);
    if (!words.empty()) say(std::string(absl::StripSuffix(words, "\n")));
  }
  report.blocked = CheckReleasesUnchanged({release}, helm);
  if (report.blocked.ok() && options.lock != nullptr) report.blocked = options.lock->CheckHeld();
  if (!report.blocked.ok()) return report;
  const RollbackOptions rollback = {.revision = target.revision.revision,
                                    .timeout = options.timeout,
                                    .wait = options.wait,
                                    .log_path = HelmLog(folder.path())};
  say(absl::StrCat("helm rollback ", release.name, " (namespace ", release.ns, ") to revision ",
                   rollback.revision, " ... (log: ", rollback.log_path,
                   "; Ctrl-C twice interrupts Helm)"));
  RunHelmStep(
      {.release = release,
       .helm = helm,
       .cluster = nodes.cluster(),
       .done = ReleaseState::kRolledBack,
       .wait = options.wait,
       .timeout = options.timeout,
       .folder = folder.path(),
       .say = say},
      [&] { return helm.Rollback(release, rollback); }, report.release);
  return report;
}

}  // namespace lighter
