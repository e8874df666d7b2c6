#include "coordinator/plan/archive_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/usage_error.h"

namespace lighter {

bool HasCharts(const Package& package) {
  return std::any_of(package.bundles.begin(), package.bundles.end(),
                     [](const Bundle& bundle) { return bundle.has_chart(); });
}

absl::StatusOr<ReleasePlan> PlanArchives(const Package& package, const ReleaseQuery& query) {
  const std::string what =
      absl::StrCat(package.path, ": only images, no chart (a folder may hold both); ");
  if (!query.without_release) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, "`lighter load` puts them onto the nodes"));
  }
  if (!query.release.empty() || !query.ns.empty() || !query.values.empty() ||
      !query.relocation.registry.empty()) {
    return UsageError(absl::InvalidArgumentError(absl::StrCat(
        what,
        "they keep the names that they have, so RELEASE, -n, values and --registry can mean "
        "nothing here")));
  }
  ReleasePlan plan;
  for (size_t i = 0; i < package.bundles.size(); ++i) {
    PlannedBundle& planned = plan.bundles.emplace_back();
    planned.bundle = i;
    NamingInput input;
    input.images = package.bundles[i].images.images;
    absl::StatusOr<NamingResult> names = DecideTargetNames(input);
    if (!names.ok()) return Annotate(names.status(), package.bundles[i].name);
    planned.names = *std::move(names);
  }
  return plan;
}

}  // namespace lighter
