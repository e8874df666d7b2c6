// Under which names the pods of one bundle's release ask for its images: the witnesses are brought
// together here, the decision is naming/target_names.h.
#pragma once

#include "absl/status/status.h"
#include "coordinator/helm/helm.h"
#include "coordinator/package/package.h"
#include "coordinator/plan/release_plan.h"

namespace lighter {

// Of a bundle whose chart is extracted, with its values: fills in all that follows from what Helm
// renders of them. `asked_values` are the user's flags as typed, with copies of his files; `helm`
// may be null as in PlanReleases.
// Errors: those of Helm, of hints.yaml, and of DecideTargetNames; InvalidArgument that is a usage
// error where the flags cannot be merged.
absl::Status DecideBundleNames(const Bundle& bundle, const ReleaseQuery& query, const Helm* helm,
                               const ValueArgs& asked_values, PlannedBundle& planned);

}  // namespace lighter
