#include "coordinator/run/helm_step.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/run/release_pods.h"

namespace lighter {
namespace {

// How long the last pods of a release that Helm calls done may take.
constexpr absl::Duration kPodPatience = absl::Seconds(60);

// What is different about a release; empty where it is as it was.
std::string ChangeOf(const Release& then, const std::vector<Release>& now) {
  const auto it = std::find_if(now.begin(), now.end(), [&](const Release& r) {
    return r.name == then.name && r.ns == then.ns;
  });
  if (then.revision == 0) return it == now.end() ? "" : "is there";
  if (it == now.end()) return "is gone";
  if (it->revision == then.revision && it->status == then.status) return "";
  return absl::StrCat("is at revision ", it->revision, " (", it->status, ") now");
}

}  // namespace

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

void RunHelmStep(const HelmStep& step, const std::function<absl::Status()>& change,
                 ReleaseReport& report) {
  report.status = change();
  AcknowledgeStops();
  report.state = report.status.ok() ? step.done : ReleaseState::kFailed;
  report.change = ReleaseChange::kChanged;
  if (!report.status.ok()) {
    const absl::StatusOr<std::vector<Release>> now = step.helm.List();
    if (!now.ok()) {
      report.change = ReleaseChange::kUnknown;
      report.status = absl::Status(
          report.status.code(),
          absl::StrCat(Message(report.status), "\n  asked what it left: ", Message(now.status())));
    } else if (ChangeOf(step.release, *now).empty()) {
      report.change = ReleaseChange::kNone;
    }
  }
  const bool to_wait = report.status.ok() && step.wait;
  report.pods =
      PodsWhenSettled([&] { return step.cluster.Pods(step.release.ns, step.release.name); },
                      to_wait ? std::min(kPodPatience, step.timeout) : absl::ZeroDuration());
}

}  // namespace lighter
