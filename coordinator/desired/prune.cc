#include "coordinator/desired/prune.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"

namespace lighter {
namespace {

using Images = google::protobuf::RepeatedPtrField<v1::DesiredImage>;

// Name -> manifest digest.
std::map<std::string, std::string> NamesOf(const v1::Desired& list) {
  std::map<std::string, std::string> names;
  for (const auto& [name, image] : HeldImages(list)) names.emplace(name, image->manifest_digest());
  return names;
}

// Leaves of `images` what is used, and adds its names to `in_use`.
void KeepUsed(Images& images, const std::set<std::string>& used, std::vector<std::string>& in_use) {
  Images kept;
  for (const v1::DesiredImage& image : images) {
    v1::DesiredImage rest = image;
    rest.clear_names();
    for (const std::string& name : image.names()) {
      if (!used.contains(name)) continue;
      rest.add_names(name);
      in_use.push_back(name);
    }
    if (!rest.names().empty()) *kept.Add() = std::move(rest);
  }
  images = kept;
}

// Why an entry is not needed any more; empty where it is.
std::string WhyGone(const v1::DesiredRelease& entry, const PruneFacts& facts,
                    const PruneQuery& query) {
  if (IsChartAlone(entry)) return query.charts.contains(entry.name()) ? "named" : "";
  return facts.releases.contains(entry.name()) ? "" : "the release is not in the cluster any more";
}

// Whether the release runs what its entry holds, not what it keeps from before.
bool RunsWhatWasLoaded(const v1::DesiredRelease& entry, const Release& release) {
  return release.status == "deployed" && entry.revision() != 0 &&
         release.revision != entry.revision() &&
         entry.previous_chart_version() != entry.chart_version() &&
         absl::EndsWith(release.chart, "-" + entry.chart_version());
}

// A release that was installed from what was loaded for its chart alone has no entry of its own
// before its next load.
std::string InstalledFrom(const std::string& chart, const std::set<std::string>& entries,
                          const PruneFacts& facts) {
  for (const auto& [name, release] : facts.releases) {
    if (!ChartVersionOf(release, chart).empty() && !entries.contains(name)) return name;
  }
  return "";
}

absl::Status CheckCharts(const v1::Desired& list, const PruneFacts& facts,
                         const PruneQuery& query) {
  std::set<std::string> there;
  std::set<std::string> entries;
  for (const v1::DesiredRelease& entry : list.releases()) {
    (IsChartAlone(entry) ? there : entries).insert(entry.name());
  }
  for (const std::string& chart : query.charts) {
    if (there.contains(chart)) {
      const std::string release = InstalledFrom(chart, entries, facts);
      if (release.empty()) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("release ", release, " may have been installed from what is held for chart ",
                       chart, "; the next load or upgrade of it makes it the release's own"));
    }
    return absl::NotFoundError(
        absl::StrCat("nothing is held for chart ", chart, " alone",
                     there.empty() ? "" : "; it is for " + absl::StrJoin(there, ", "),
                     ". What a release needs goes when the release is uninstalled"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PrunePlan> PlanPrune(const v1::Desired& list, const PruneFacts& facts,
                                    const PruneQuery& query) {
  if (absl::Status known = CheckCharts(list, facts, query); !known.ok()) return known;
  PrunePlan plan;
  plan.list = list;
  plan.list.clear_releases();
  for (v1::DesiredRelease entry : list.releases()) {
    PrunedEntry pruned = {
        .name = entry.name(), .cause = WhyGone(entry, facts, query), .in_use = {}};
    const bool whole = !pruned.cause.empty();
    if (!whole && query.previous && !IsChartAlone(entry) && !entry.previous_images().empty()) {
      if (RunsWhatWasLoaded(entry, facts.releases.at(entry.name()))) {
        pruned.cause = "kept for a rollback so far";
      } else {
        plan.previous_kept.push_back(entry.name());
      }
    }
    if (!whole && IsChartAlone(entry)) plan.charts_alone.push_back(entry.name());
    const std::string before = entry.SerializeAsString();
    if (whole) KeepUsed(*entry.mutable_images(), facts.used_images, pruned.in_use);
    if (!pruned.cause.empty()) {
      KeepUsed(*entry.mutable_previous_images(), facts.used_images, pruned.in_use);
    }
    const bool nothing_left = entry.images().empty() && entry.previous_images().empty();
    const bool goes = whole && nothing_left;
    if (goes || entry.SerializeAsString() != before || !pruned.in_use.empty()) {
      plan.entries.push_back(std::move(pruned));
    }
    if (!goes) *plan.list.add_releases() = std::move(entry);
  }
  if (plan.list.SerializeAsString() == list.SerializeAsString()) return plan;
  plan.list.set_generation(list.generation() + 1);
  plan.removals = NamesOf(list);
  for (const auto& [name, digest] : NamesOf(plan.list)) plan.removals.erase(name);
  return plan;
}

std::map<std::string, std::string> StillUnneeded(const PrunePlan& plan, const v1::Desired& list,
                                                 const v1::Desired& published,
                                                 const PruneFacts& facts, const PruneQuery& query) {
  absl::StatusOr<PrunePlan> later = PlanPrune(list, facts, query);
  // A named chart was installed meanwhile: what is held for charts alone stays.
  if (!later.ok()) later = PlanPrune(list, facts, {.charts = {}, .previous = query.previous});
  if (!later.ok()) return {};
  const std::map<std::string, std::string> held = NamesOf(published);
  std::map<std::string, std::string> removals = plan.removals;
  std::erase_if(removals, [&](const auto& removal) {
    return held.contains(removal.first) || !later->removals.contains(removal.first);
  });
  return removals;
}

}  // namespace lighter
