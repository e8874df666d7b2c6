#include "coordinator/run/helm_step.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/run/evidence.h"
#include "coordinator/run/release_pods.h"

namespace lighter {
namespace {

// How long the last pods of a release that Helm calls done may take.
constexpr absl::Duration kPodPatience = absl::Seconds(60);

// The release as it is now; null where it is not.
const Release* Find(const Release& release, const std::vector<Release>& now) {
  const auto it = std::find_if(now.begin(), now.end(), [&](const Release& r) {
    return r.name == release.name && r.ns == release.ns;
  });
  return it == now.end() ? nullptr : &*it;
}

// What is different about a release; empty where it is as it was.
std::string ChangeOf(const Release& then, const std::vector<Release>& now) {
  const Release* const it = Find(then, now);
  if (then.revision == 0) return it == nullptr ? "" : "is there";
  if (it == nullptr) return "is gone";
  if (it->revision == then.revision && it->status == then.status) return "";
  return absl::StrCat("is at revision ", it->revision, " (", it->status, ") now");
}

// To the last revision that ran, as Helm's own --atomic does; of an installation, to nothing.
absl::Status Restore(const HelmStep& step, ReleaseReport& report) {
  const std::string log_path = HelmLog(step.folder);
  if (step.release.revision == 0) return step.helm.Uninstall(step.release, step.timeout, log_path);
  ASSIGN_OR_RETURN(const std::vector<HistoryEntry> history, step.helm.History(step.release));
  Release failed = step.release;
  failed.revision = step.release.revision + 1;
  ASSIGN_OR_RETURN(const HistoryEntry target, ChooseRevision(history, failed, 0));
  report.restored_revision = target.revision;
  return step.helm.Rollback(step.release, {.revision = target.revision,
                                           .timeout = step.timeout,
                                           .wait = step.wait,
                                           .log_path = log_path});
}

// After Helm has failed and left a change, or may have.
void SeeToFailure(const HelmStep& step, ReleaseReport& report) {
  const std::string path =
      absl::StrCat(step.folder, "/", step.release.ns, ".", step.release.name, ".evidence.txt");
  step.say("Helm failed; saving events and logs ...");
  if (SaveEvidence(step.cluster.kubectl(), report, path).ok()) report.evidence = path;
  AcknowledgeStops();
  if (!step.restore || report.change != ReleaseChange::kChanged) return;
  step.say(absl::StrCat("putting release ", step.release.name,
                        " back ... (log: ", HelmLog(step.folder), ")"));
  report.restore = Restore(step, report);
  AcknowledgeStops();
  if (report.restore->ok()) report.change = ReleaseChange::kPutBack;
}

// Of a Helm run that failed.
void FindOutWhatIsLeft(const HelmStep& step, ReleaseReport& report) {
  const auto add = [&report](const std::string& words) {
    report.status = absl::Status(report.status.code(), absl::StrCat(Message(report.status), words));
  };
  const absl::StatusOr<std::vector<Release>> now = step.helm.List();
  if (!now.ok()) {
    report.change = ReleaseChange::kUnknown;
    return add("\n  asked what it left: " + Message(now.status()));
  }
  const std::string change = ChangeOf(step.release, *now);
  if (change.empty()) {
    report.change = ReleaseChange::kNone;
    return;
  }
  // A Helm that fails by itself calls its revision failed. Another state may be another Helm's
  // work, which must not be undone.
  const Release* const left = Find(step.release, *now);
  const bool is_ours =
      left == nullptr || left->status == "failed" || !absl::IsAborted(report.status);
  if (is_ours) return;
  const bool is_deployed = left->status == "deployed";
  report.change = is_deployed ? ReleaseChange::kByOthers : ReleaseChange::kUnknown;
  add(absl::StrCat("\n  the release ", change, ": ",
                   is_deployed ? "another Helm run did that"
                               : "another Helm run is at work on it, or this one could not write "
                                 "down its end",
                   step.restore ? "; it is not put back" : ""));
}

}  // namespace

std::string HelmLog(const std::string& folder) { return folder + "/helm.log"; }

// Values were backed up and names decided when the run began; what came since, a load or other
// releases, takes long enough for somebody else to change one meanwhile.
absl::Status CheckReleasesUnchanged(const std::vector<Release>& releases, const Helm& helm) {
  ASSIGN_OR_RETURN(const std::vector<Release> now, helm.List());
  for (const Release& then : releases) {
    const std::string change = ChangeOf(then, now);
    if (change.empty()) continue;
    const std::string before =
        then.revision == 0 ? "not there"
                           : absl::StrCat("at revision ", then.revision, " (", then.status, ")");
    return absl::AbortedError(absl::StrCat(
        "release ", then.name, " (namespace ", then.ns, ") was ", before,
        " when this run began and ", change,
        ": somebody else changed it meanwhile. All images are on the nodes; look at `helm history ",
        then.name, " -n ", then.ns, "` and run the same command again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<HistoryEntry> ChooseRevision(const std::vector<HistoryEntry>& history,
                                            const Release& current, int wanted) {
  const std::string what = absl::StrCat("release ", current.name, " (namespace ", current.ns, ")");
  const HistoryEntry* chosen = nullptr;
  for (const HistoryEntry& entry : history) {
    const bool is_older = entry.revision < current.revision && entry.did_run();
    if (wanted == 0 ? is_older : entry.revision == wanted) chosen = &entry;
  }
  if (chosen != nullptr) return *chosen;
  if (wanted == 0) {
    return absl::NotFoundError(absl::StrCat(
        what,
        " has no older revision that ran, so there is nothing to go back to. An installation "
        "that was cut off goes with `helm uninstall ",
        current.name, " -n ", current.ns, "`, and the same command installs it again"));
  }
  const std::string there = absl::StrJoin(
      history, ", ",
      [](std::string* out, const HistoryEntry& entry) { absl::StrAppend(out, entry.revision); });
  return absl::NotFoundError(
      absl::StrCat(what, " has no revision ", wanted, "; Helm still has ", there));
}

void RunHelmStep(const HelmStep& step, const std::function<absl::Status()>& change,
                 ReleaseReport& report) {
  report.status = change();
  AcknowledgeStops();
  report.state = report.status.ok() ? step.done : ReleaseState::kFailed;
  report.change = ReleaseChange::kChanged;
  if (!report.status.ok()) FindOutWhatIsLeft(step, report);
  const bool to_wait = report.status.ok() && step.wait;
  report.pods =
      PodsWhenSettled([&] { return step.cluster.Pods(step.release.ns, step.release.name); },
                      to_wait ? std::min(kPodPatience, step.timeout) : absl::ZeroDuration());
  const bool left_something =
      report.change == ReleaseChange::kChanged || report.change == ReleaseChange::kUnknown;
  if (report.state == ReleaseState::kFailed && left_something) SeeToFailure(step, report);
}

}  // namespace lighter
