#include "coordinator/plan/release_checks.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/printable.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/package/chart_version.h"

namespace lighter {
namespace {

std::string NameOf(const Release& release) {
  return absl::StrCat("release ", release.name, " (namespace ", release.ns, ")");
}

// Whether there may be CRDs in the chart, or in a subchart that is packed.
bool MayHaveCrds(const Bundle& bundle) {
  return std::any_of(bundle.chart_files.begin(), bundle.chart_files.end(), [](const ChartFile& f) {
    return absl::StartsWith(f.path, "crds/") || absl::StrContains(f.path, "/crds/") ||
           absl::EndsWith(f.path, ".tgz");
  });
}

absl::Status FindCrds(const Kubectl& kubectl, const Helm& helm, PlannedBundle& planned) {
  ASSIGN_OR_RETURN(planned.crds,
                   helm.Crds(planned.chart_dir, planned.values, planned.chart_dir + ".crds-probe"));
  if (absl::StripAsciiWhitespace(planned.crds).empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(planned.crd_changes, CompareCrds(kubectl, planned.crds));
  // Helm itself makes those with a first installation.
  if (planned.release.revision == 0) {
    std::erase_if(planned.crd_changes, [](const CrdDifference& d) { return d.is_absent; });
  }
  return absl::OkStatus();
}

std::string DescribeOrder(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const bool is_run = !planned.release.name.empty() && !planned.owner.has_value();
    if (is_run) names.push_back(planned.release.name);
  }
  if (names.size() < 2) return "";
  return absl::StrCat("Order of an upgrade: ", absl::StrJoin(names, ", then "),
                      " (--order changes it)\n");
}

}  // namespace

absl::Status CheckChartVersion(const Plan& plan, const std::string& wanted) {
  if (wanted.empty()) return absl::OkStatus();
  const auto& bundles = plan.releases.bundles;
  std::vector<std::string> there;
  for (const PlannedBundle& planned : bundles) {
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    there.push_back(absl::StrCat(bundle.chart_name, " ", bundle.chart_version));
  }
  if (bundles.size() > 1) {
    return UsageError(absl::InvalidArgumentError(
        absl::StrCat("--version ", wanted, " is of one chart, and this plan has ", bundles.size(),
                     " (", absl::StrJoin(there, ", "), "); name the RELEASE that is meant")));
  }
  const auto plain = [](absl::string_view version) {
    absl::ConsumePrefix(&version, "v");
    return version;
  };
  if (bundles.empty() ||
      plain(plan.package.bundles[bundles[0].bundle].chart_version) == plain(wanted)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("E-VERSION: --version ", wanted, " is wanted, and there is ", there[0],
                   "; give the package of that version, or leave --version out"));
}

void FindOwners(const Kubectl& kubectl, Plan& plan) {
  for (PlannedBundle& planned : plan.releases.bundles) {
    if (planned.release.revision == 0) continue;
    auto owner = FindOwner(kubectl, planned.release.ns, planned.release.name);
    if (owner.ok()) {
      planned.owner = *std::move(owner);
      continue;
    }
    plan.notes.push_back(absl::StrCat(
        "N-OWNER-UNKNOWN: whether Argo CD, Flux or a HelmChart upgrades ", NameOf(planned.release),
        " could not be found out (", OneLine(Message(owner.status())),
        "); if one does, it undoes what Helm changes"));
  }
}

void FindCrdChanges(const Kubectl& kubectl, const Helm& helm, Plan& plan) {
  for (PlannedBundle& planned : plan.releases.bundles) {
    const Bundle& bundle = plan.package.bundles[planned.bundle];
    if (planned.release.name.empty() || !MayHaveCrds(bundle)) continue;
    const absl::Status found = FindCrds(kubectl, helm, planned);
    if (found.ok()) continue;
    plan.notes.push_back(absl::StrCat("N-CRD-UNKNOWN: the CRDs of chart ", bundle.chart_name,
                                      " could not be compared with the cluster's (",
                                      OneLine(Message(found)),
                                      "); Helm leaves CRDs out of upgrades"));
  }
}

nlohmann::ordered_json OwnerToJson(const std::optional<ReleaseOwner>& owner) {
  if (!owner.has_value()) return nullptr;
  return {{"code", owner->code}, {"what", owner->what}, {"remedy", owner->remedy}};
}

std::vector<std::string> DescribeCrdChanges(const Plan& plan, const PlannedBundle& planned) {
  std::vector<std::string> lines;
  const std::string chart = plan.package.bundles[planned.bundle].chart_name;
  for (const CrdDifference& change : planned.crd_changes) {
    const std::string what =
        change.is_absent
            ? absl::StrCat("this cluster does not have it; chart ", chart, " brings ",
                           OneLine(change.in_chart))
            : absl::StrCat("it is another in this cluster (", OneLine(change.here), ") than chart ",
                           chart, " brings (", OneLine(change.in_chart), ")");
    lines.push_back(absl::StrCat(
        "N-CRD-DIFF: CRD ", OneLine(change.name), ": ", what,
        plan.apply_crds && !planned.owner.has_value()
            ? "; it is applied before Helm runs, and stays after a rollback (--crds=apply)"
            : "; Helm leaves CRDs out of upgrades, and so does this one; --crds=apply applies it"));
  }
  return lines;
}

std::string DescribeReleaseChecks(const Plan& plan) {
  std::string text = DescribeOrder(plan);
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const std::string& to = plan.package.bundles[planned.bundle].chart_version;
    if (IsOlderVersion(to, planned.installed_version)) {
      absl::StrAppend(&text, "note: N-DOWNGRADE: ", NameOf(planned.release), " goes back from ",
                      planned.installed_version, " to the older ", to, "\n");
    }
    if (planned.owner.has_value()) {
      absl::StrAppend(&text, "note: ", NameOf(planned.release), ": ", planned.owner->Describe(),
                      "\n");
    }
    for (const std::string& line : DescribeCrdChanges(plan, planned)) {
      absl::StrAppend(&text, "note: ", line, "\n");
    }
  }
  if (!plan.allow_unproven.text().empty()) {
    absl::StrAppend(&text, "note: N-UNPROVEN: nodes may stay unproven (--allow-unproven ",
                    plan.allow_unproven.text(),
                    "); pods that start on such a node may hang in ImagePullBackOff\n");
  }
  return text;
}

}  // namespace lighter
