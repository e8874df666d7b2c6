#include "coordinator/run/release_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "coordinator/plan/describe.h"
#include "coordinator/plan/release_checks.h"

namespace lighter {
namespace {

using nlohmann::ordered_json;

std::string PodWord(const PodState& pod) {
  if (pod.ready) return "Running";
  return pod.phase == "Succeeded" ? pod.phase : pod.phase + " (not ready)";
}

const char* StateName(const ReleaseReport& release) {
  if (release.owner.has_value()) return "left to its owner";
  switch (release.state) {
    case ReleaseState::kUntouched:
      return "untouched";
    case ReleaseState::kUpgraded:
      return release.from_revision == 0 ? "installed" : "upgraded";
    case ReleaseState::kRolledBack:
      return "rolled back";
    case ReleaseState::kFailed:
      return "failed";
  }
  return "";
}

// The revision before is a way back only if it ran. Empty where there is nothing to go back from.
std::string WayBack(const ReleaseReport& release) {
  const bool is_ours =
      release.change == ReleaseChange::kChanged || release.change == ReleaseChange::kUnknown;
  if (!is_ours) return "";
  const std::string where = " -n " + release.ns;
  if (release.from_revision == 0) return absl::StrCat("helm uninstall ", release.release, where);
  if (release.from_status == "deployed") {
    return absl::StrCat("lighter rollback ", release.release, " ", release.from_revision, where);
  }
  if (release.state == ReleaseState::kRolledBack) return "";
  return absl::StrCat("lighter rollback ", release.release, where);  // to the last one that ran
}

// Null where it is not known.
ordered_json ChangeToJson(ReleaseChange change) {
  if (change == ReleaseChange::kUnknown) return nullptr;
  return change == ReleaseChange::kChanged || change == ReleaseChange::kPutBack;
}

// Whoever goes back gets the package's images under these names.
std::string DescribeMovedNames(const ReleaseReport& release) {
  if (release.moved_names.empty() || release.state == ReleaseState::kUntouched) return "";
  return absl::StrCat(
      "  not as before: the package's images took over these names, so that pods of "
      "revision ",
      release.from_revision,
      " start from them, too: ", OneLine(absl::StrJoin(release.moved_names, ", ")),
      "; `lighter load` with the package of chart version ", release.from_version,
      " puts the names back\n");
}

// Of a release that Helm failed on: whether it is as it was.
std::string DescribeRestore(const ReleaseReport& release) {
  if (!release.restore.has_value()) return "";
  if (!release.restore->ok()) {
    return absl::StrCat("  putting it back failed: ", Message(*release.restore), "\n");
  }
  if (release.restored_revision == 0) return "  put back: it is not installed\n";
  return absl::StrCat("  put back: it runs as revision ", release.restored_revision, " did\n");
}

// Helm's rollback leaves CRDs alone, and so do we: their objects would be gone with them.
std::string DescribeCrds(const ReleaseReport& release) {
  if (release.crds.empty()) return "";
  const std::string names = absl::StrJoin(
      release.crds, ", ",
      [](std::string* out, const CrdDifference& crd) { absl::StrAppend(out, OneLine(crd.name)); });
  return absl::StrCat("  CRDs applied before Helm: ", names, "; they stay after a rollback",
                      release.crds_backup.empty()
                          ? ""
                          : absl::StrCat("   (as they were: ", release.crds_backup, ")"),
                      "\n");
}

ordered_json CrdNames(const ReleaseReport& release) {
  ordered_json names = ordered_json::array();
  for (const CrdDifference& crd : release.crds) names.push_back(crd.name);
  return names;
}

}  // namespace

std::string DescribePods(const std::vector<PodState>& pods) {
  std::string text;
  for (const PodState& pod : pods) {
    absl::StrAppend(&text,
                    absl::StrFormat("    %-44s %-10s %s%s\n", pod.name, pod.node, PodWord(pod),
                                    pod.reason.empty() ? "" : "  " + OneLine(pod.reason)));
  }
  return text;
}

ordered_json PodsToJson(const std::vector<PodState>& pods) {
  ordered_json list = ordered_json::array();
  for (const PodState& pod : pods) {
    list.push_back({{"name", pod.name},
                    {"node", pod.node},
                    {"phase", pod.phase},
                    {"ready", pod.ready},
                    {"reason", pod.reason}});
  }
  return list;
}

std::string Headline(const std::vector<ReleaseReport>& releases) {
  const auto any = [&](ReleaseChange change) {
    return std::any_of(releases.begin(), releases.end(),
                       [change](const ReleaseReport& r) { return r.change == change; });
  };
  if (any(ReleaseChange::kChanged)) {
    return "A release was changed, and not all went well; see below.\n";
  }
  if (any(ReleaseChange::kUnknown)) {
    return "A release may have been changed: Helm failed, and could not say what it left; see "
           "below.\n";
  }
  if (any(ReleaseChange::kPutBack)) {
    return "Helm failed, and the release was put back; see below.\n";
  }
  if (any(ReleaseChange::kByOthers)) {
    return "Helm failed; a release is not as it was, and not by this run; see below.\n";
  }
  return "No release was changed; see below.\n";
}

std::string DescribeReleaseReport(const ReleaseReport& release) {
  std::string text = absl::StrCat("Release ", release.release, " (namespace ", release.ns,
                                  "): ", VersionStep(release.from_version, release.to_version),
                                  ": ", StateName(release), "\n");
  if (!release.status.ok()) absl::StrAppend(&text, "  ", Message(release.status), "\n");
  if (release.owner.has_value()) absl::StrAppend(&text, "  ", release.owner->Describe(), "\n");
  if (release.state == ReleaseState::kFailed && release.change == ReleaseChange::kNone) {
    absl::StrAppend(
        &text, release.from_revision == 0
                   ? "  it was not installed\n"
                   : absl::StrCat("  it was not changed: still at revision ", release.from_revision,
                                  " (", release.from_status, ")\n"));
  }
  if (release.change == ReleaseChange::kPutBack) text += "  its pods when Helm had failed:\n";
  if (release.pods.ok()) {
    text += DescribePods(*release.pods);
  } else {
    absl::StrAppend(&text,
                    "  its pods could not be listed: ", OneLine(Message(release.pods.status())),
                    "; see `kubectl get pods -n ", release.ns, "`\n");
  }
  text += DescribeRestore(release) + DescribeMovedNames(release) + DescribeCrds(release);
  if (!release.evidence.empty()) {
    absl::StrAppend(&text, "  events, and logs of pods that are not ready: ", release.evidence,
                    "\n");
  }
  if (const std::string way_back = WayBack(release); !way_back.empty()) {
    absl::StrAppend(&text, "  way back: ", way_back,
                    release.values_backup.empty()
                        ? ""
                        : absl::StrCat("   (values as they were: ", release.values_backup, ")"),
                    "\n");
  }
  return text;
}

ordered_json ReleaseReportToJson(const ReleaseReport& release) {
  return {{"release", release.release},
          {"namespace", release.ns},
          {"fromVersion", release.from_version},
          {"toVersion", release.to_version},
          {"state", StateName(release)},
          {"changed", ChangeToJson(release.change)},
          {"error", Message(release.status)},
          {"owner", OwnerToJson(release.owner)},
          {"crds", CrdNames(release)},
          {"crdsBackup", release.crds_backup},
          {"putBack", release.change == ReleaseChange::kPutBack},
          {"putBackError", release.restore.has_value() ? Message(*release.restore) : ""},
          {"evidence", release.evidence},
          {"wayBack", WayBack(release)},
          {"movedNames", release.moved_names},
          {"valuesBackup", release.values_backup},
          {"pods", PodsToJson(release.pods.value_or(std::vector<PodState>()))},
          {"podsError", Message(release.pods.status())}};
}

}  // namespace lighter
