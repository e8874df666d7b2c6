#include "coordinator/run/crd_step.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {

absl::Status ApplyCrdsOf(const PlannedBundle& planned, const Kubectl& kubectl,
                         const std::string& folder,
                         const std::function<void(const std::string&)>& say,
                         ReleaseReport& report) {
  const std::vector<CrdDifference>& changes = planned.crd_changes;
  const std::string backup =
      absl::StrCat(folder, "/", planned.release.ns, ".", planned.release.name, ".crds.yaml");
  say(absl::StrCat("applying ", Count(changes.size(), "CRD"), " of release ", planned.release.name,
                   " ..."));
  report.crds = changes;
  const bool keeps = std::any_of(changes.begin(), changes.end(),
                                 [](const CrdDifference& change) { return !change.is_absent; });
  if (keeps) report.crds_backup = backup;
  return Annotate(ApplyCrds(kubectl, planned.crds, changes, backup),
                  "the CRDs of the chart could not all be applied, and Helm was not run for this "
                  "release");
}

}  // namespace lighter
