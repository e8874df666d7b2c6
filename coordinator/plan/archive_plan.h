// Archives of images that come without a chart: their names are their own.
#pragma once

#include "absl/status/statusor.h"
#include "coordinator/package/package.h"
#include "coordinator/plan/release_plan.h"

namespace lighter {

// Whether any bundle has a chart. OpenPackage gives packages of which all have one, or none.
bool HasCharts(const Package& package);

// The plan of a package without charts: every image under the names that it has in its archive.
// FailedPrecondition where the query is for releases; UsageError where it names one, or values,
// or a registry, which nothing could take.
absl::StatusOr<ReleasePlan> PlanArchives(const Package& package, const ReleaseQuery& query);

}  // namespace lighter
