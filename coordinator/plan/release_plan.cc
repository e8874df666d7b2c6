#include "coordinator/plan/release_plan.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/plan/archive_plan.h"
#include "coordinator/plan/bundle_names.h"
#include "coordinator/plan/set_values.h"
#include "coordinator/plan/values_files.h"

namespace lighter {
namespace {

using nlohmann::json;

// "hydra (namespace a), hydra (namespace b)".
std::string NamesOf(const std::vector<Release>& releases) {
  return absl::StrJoin(releases, ", ", [](std::string* out, const Release& release) {
    absl::StrAppend(out, release.name, " (namespace ", release.ns, ")");
  });
}

class Planner {
 public:
  Planner(const Package& package, const ReleaseQuery& query, const Helm* helm, std::string folder)
      : package_(package), query_(query), helm_(helm), folder_(std::move(folder)) {}

  absl::StatusOr<ReleasePlan> Run();

 private:
  std::vector<std::string> Charts() const;
  std::vector<Release> ReleasesOf(const Bundle& bundle) const;
  absl::StatusOr<std::vector<Release>> Matches(const Bundle& bundle) const;
  std::string SkipCause(const Bundle& bundle) const;
  absl::StatusOr<std::vector<size_t>> FindInstallations() const;
  absl::StatusOr<int> DeployedRevision(const Release& release) const;
  absl::StatusOr<PlannedBundle> PlanBundle(size_t index, const Release& release) const;
  absl::StatusOr<std::vector<size_t>> Order() const;
  void ReadRunning(int revision, PlannedBundle& planned) const;

  const Package& package_;
  const ReleaseQuery& query_;
  const Helm* helm_;
  const std::string folder_;
  std::vector<Release> releases_;
  ValueArgs asked_values_;  // the user's, with copies of the files
  ValueArgs given_values_;  // the same, with texts of --set in files, as Helm gets them
};

// All releases of the bundle's chart, in every namespace.
std::vector<Release> Planner::ReleasesOf(const Bundle& bundle) const {
  std::vector<Release> found;
  for (const Release& release : releases_) {
    if (!ChartVersionOf(release, bundle.chart_name).empty()) found.push_back(release);
  }
  return found;
}

absl::StatusOr<std::vector<Release>> Planner::Matches(const Bundle& bundle) const {
  std::vector<Release> matches = ReleasesOf(bundle);
  std::erase_if(matches, [this](const Release& release) {
    return (!query_.release.empty() && release.name != query_.release) ||
           (!query_.ns.empty() && release.ns != query_.ns);
  });
  if (matches.size() > 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "chart ", bundle.chart_name, " has ", matches.size(), " releases: ", NamesOf(matches),
        "; name the one to upgrade, with -n NAMESPACE"));
  }
  for (const Release& release : matches) {
    if (!absl::StartsWith(release.status, "pending")) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "release ", release.name, " (namespace ", release.ns, ") is ", release.status,
        ": a Helm run was cut off, or one is still at work. If none is, `",
        release.status == "pending-install" ? "helm uninstall " : "lighter rollback ", release.name,
        " -n ", release.ns, "` mends that",
        release.status == "pending-install" ? "" : "; `lighter upgrade --recover` does it first"));
  }
  return matches;
}

// Why a bundle without a matching release takes no part; empty where it is to be loaded, for a
// first installation of its chart.
std::string Planner::SkipCause(const Bundle& bundle) const {
  const std::vector<Release> others = ReleasesOf(bundle);
  if (query_.without_release && query_.release.empty() && others.empty()) return "";
  return absl::StrCat("no release of chart ", bundle.chart_name, " in this cluster",
                      query_.release.empty() ? "" : " named " + query_.release,
                      query_.ns.empty() ? "" : " in namespace " + query_.ns,
                      others.empty() ? "" : "; it has " + NamesOf(others));
}

// Without it the plan stands, and cannot tell what changes.
void Planner::ReadRunning(int revision, PlannedBundle& planned) const {
  absl::StatusOr<StoredRevision> running = helm_->Stored(planned.release, revision);
  if (running.ok()) {
    planned.running = *std::move(running);
    return;
  }
  planned.names.notes.push_back(absl::StrCat(
      "whether images come from another registry than now is not known: revision ", revision,
      " of release ", planned.release.name, " could not be read: ", Message(running.status())));
}

// Of a release that is not deployed as it is, the last revision that was: what a failed attempt set
// must not come back by itself. Helm's own --reuse-values does the same. 0: the release is
// deployed, or never was.
absl::StatusOr<int> Planner::DeployedRevision(const Release& release) const {
  if (release.status == "deployed") return 0;
  ASSIGN_OR_RETURN(const std::vector<HistoryEntry> history, helm_->History(release));
  const auto it = std::find_if(history.rbegin(), history.rend(), [](const HistoryEntry& entry) {
    return entry.status == "deployed";
  });
  return it == history.rend() ? 0 : it->revision;
}

absl::StatusOr<PlannedBundle> Planner::PlanBundle(size_t index, const Release& release) const {
  const Bundle& bundle = package_.bundles[index];
  PlannedBundle planned;
  planned.bundle = index;
  planned.release = release;
  planned.chart_dir = absl::StrCat(folder_, "/charts/", bundle.chart_name);
  RETURN_IF_ERROR(Annotate(ExtractChart(bundle, planned.chart_dir), bundle.name));
  if (release.revision != 0) {
    planned.installed_version = ChartVersionOf(release, bundle.chart_name);
    planned.values_backup =
        absl::StrCat(folder_, "/", release.ns, ".", release.name, ".values.yaml");
    ASSIGN_OR_RETURN(const int deployed, DeployedRevision(release));
    if (deployed != 0) {
      planned.names.notes.push_back(absl::StrCat(
          "release ", release.name, " (namespace ", release.ns, ") is ", release.status,
          ": its values are taken from revision ", deployed, ", the last that was deployed"));
    }
    ASSIGN_OR_RETURN(const std::string values, helm_->UserValues(release, deployed));
    RETURN_IF_ERROR(WriteFileAtomic(planned.values_backup, values, 0600));
    planned.backup_digest = Digest::Of(values);
    planned.values = {"-f", planned.values_backup};
    ReadRunning(deployed == 0 ? release.revision : deployed, planned);
  }
  planned.values.insert(planned.values.end(), given_values_.begin(), given_values_.end());
  RETURN_IF_ERROR(
      Annotate(DecideBundleNames(bundle, query_, helm_, asked_values_, planned), bundle.name));
  return planned;
}

// The bundles that are to be installed.
absl::StatusOr<std::vector<size_t>> Planner::FindInstallations() const {
  std::vector<size_t> found;
  for (size_t i = 0; query_.install && i < package_.bundles.size(); ++i) {
    const std::vector<Release> releases = ReleasesOf(package_.bundles[i]);
    const bool is_named = std::any_of(releases.begin(), releases.end(), [&](const Release& r) {
      return r.name == query_.release && r.ns == query_.ns;
    });
    if (is_named) return std::vector<size_t>();  // RELEASE is that one, and nothing else is meant
    if (releases.empty()) found.push_back(i);
  }
  if (query_.release.empty() || found.size() <= 1) return found;
  return UsageError(absl::InvalidArgumentError(
      absl::StrCat("RELEASE with --install names one release, and ", found.size(),
                   " bundles of this package have none; without RELEASE each gets the name of its "
                   "chart")));
}

// The bundles, those whose charts are to go first in the front.
absl::StatusOr<std::vector<size_t>> Planner::Order() const {
  std::vector<size_t> order;
  for (const std::string& chart : query_.order) {
    const auto it = std::find_if(package_.bundles.begin(), package_.bundles.end(),
                                 [&](const Bundle& bundle) { return bundle.chart_name == chart; });
    const auto index = static_cast<size_t>(it - package_.bundles.begin());
    const bool is_twice = std::find(order.begin(), order.end(), index) != order.end();
    if (it == package_.bundles.end() || is_twice) {
      return UsageError(absl::InvalidArgumentError(absl::StrCat(
          "--order: chart ", chart, is_twice ? " is named twice" : " is not in this package",
          "; it has ", absl::StrJoin(Charts(), ", "))));
    }
    order.push_back(index);
  }
  for (size_t i = 0; i < package_.bundles.size(); ++i) {
    if (std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
  }
  return order;
}

std::vector<std::string> Planner::Charts() const {
  std::vector<std::string> charts;
  for (const Bundle& bundle : package_.bundles) charts.push_back(bundle.chart_name);
  return charts;
}

absl::StatusOr<ReleasePlan> Planner::Run() {
  ASSIGN_OR_RETURN(asked_values_, KeepValuesFiles(query_.values, folder_ + "/values"));
  ASSIGN_OR_RETURN(given_values_, KeepSetTexts(asked_values_, folder_ + "/values"));
  if (query_.with_cluster) {
    ASSIGN_OR_RETURN(releases_, helm_->List());
  }
  ASSIGN_OR_RETURN(const std::vector<size_t> installations, FindInstallations());
  ReleasePlan plan;
  bool named_found = false;
  ASSIGN_OR_RETURN(const std::vector<size_t> order, Order());
  for (const size_t i : order) {
    const Bundle& bundle = package_.bundles[i];
    ASSIGN_OR_RETURN(std::vector<Release> matches, Matches(bundle));
    if (std::find(installations.begin(), installations.end(), i) != installations.end()) {
      Release& release = matches.emplace_back();
      release.name = query_.release.empty() ? bundle.chart_name : query_.release;
      release.ns = query_.ns;
    }
    std::string skip_cause = matches.empty() ? SkipCause(bundle) : "";
    if (!skip_cause.empty()) {
      plan.skipped.push_back({i, std::move(skip_cause)});
      continue;
    }
    named_found = named_found || !matches.empty();
    ASSIGN_OR_RETURN(PlannedBundle planned,
                     PlanBundle(i, matches.empty() ? Release{} : matches[0]));
    plan.bundles.push_back(std::move(planned));
  }
  const bool is_named = !query_.release.empty() || (!query_.ns.empty() && !query_.without_release);
  if (is_named && !named_found) {
    return absl::NotFoundError(absl::StrCat(
        "no release", query_.release.empty() ? "" : " named " + query_.release,
        query_.ns.empty() ? "" : " in namespace " + query_.ns, " uses a chart of this package (",
        absl::StrJoin(Charts(), ", "), "); `helm list -A` shows what is installed",
        query_.without_release ? "" : ", and --install -n NAMESPACE installs",
        query_.without_release ? "; to load for a first `helm install`, name none" : ""));
  }
  return plan;
}

}  // namespace

absl::StatusOr<ReleasePlan> PlanReleases(const Package& package, const ReleaseQuery& query,
                                         const Helm* helm, const std::string& folder) {
  if (!HasCharts(package)) return PlanArchives(package, query);
  return Planner(package, query, helm, folder).Run();
}

}  // namespace lighter
