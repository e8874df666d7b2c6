// What became of one release that Helm was run for, in words and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/cluster/crds.h"
#include "coordinator/cluster/owners.h"

namespace lighter {

enum class ReleaseState { kUntouched, kUpgraded, kRolledBack, kFailed };

// Whether Helm left another revision or status than it found. Helm writes a revision before it
// touches anything else, so where both are as they were, nothing of the release was touched.
// kPutBack: it did, and then the release was put back. kByOthers: what changed is the work of
// another Helm run.
enum class ReleaseChange { kNone, kChanged, kUnknown, kPutBack, kByOthers };

struct ReleaseReport {
  std::string release;
  std::string ns;
  std::string from_version;
  std::string to_version;
  int from_revision = 0;
  std::string from_status;  // Helm's word: "deployed", "failed", ...
  ReleaseState state = ReleaseState::kUntouched;
  ReleaseChange change = ReleaseChange::kNone;
  absl::Status status;        // Helm's error when failed; why it was left alone when untouched
  std::string values_backup;  // path
  absl::StatusOr<std::vector<PodState>> pods = std::vector<PodState>();  // after Helm
  std::string evidence;                                                  // path; where Helm failed
  std::optional<absl::Status> restore;  // whether putting it back succeeded; where that was tried
  // Names that its pods asked for before, and that are other images on the nodes since this run.
  std::vector<std::string> moved_names;
  int restored_revision = 0;          // the one that was put back; 0: nothing was installed
  std::optional<ReleaseOwner> owner;  // who upgrades it; Helm is not run then
  std::vector<CrdDifference> crds;    // that were applied; they stay after a rollback
  std::string crds_backup;            // path; those that were there before, as they were
};

// Whether production is as it was, said first of a run that did not go well.
std::string Headline(const std::vector<ReleaseReport>& releases);

// Its fate, its pods, and the way back where there is one: a line each.
std::string DescribeReleaseReport(const ReleaseReport& release);
nlohmann::ordered_json ReleaseReportToJson(const ReleaseReport& release);

// A line for each pod.
std::string DescribePods(const std::vector<PodState>& pods);
nlohmann::ordered_json PodsToJson(const std::vector<PodState>& pods);

}  // namespace lighter
