// What is to be known of a plan's releases before Helm is run for them: their versions, who else
// upgrades them, which CRDs the cluster lacks.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/helm/helm.h"
#include "coordinator/plan/plan.h"

namespace lighter {

// UsageError where the one release that is planned is not of chart version `wanted`, with the
// versions that are there, or where several are. OK where `wanted` is empty.
absl::Status CheckChartVersion(const Plan& plan, const std::string& wanted);

// Fills in who else upgrades the installed releases. What cannot be found out is a note.
void FindOwners(const Kubectl& kubectl, Plan& plan);

// Fills in the charts' CRDs, and what the cluster has otherwise; scratch files go beside the
// charts. What cannot be found out is a note.
void FindCrdChanges(const Kubectl& kubectl, const Helm& helm, Plan& plan);

// Lines for the plan: the order of the releases, downgrades, owners, CRDs, what may stay unproven.
std::string DescribeReleaseChecks(const Plan& plan);

// {"code", "what", "remedy"} of who upgrades a release; null where we do.
nlohmann::ordered_json OwnerToJson(const std::optional<ReleaseOwner>& owner);

// "N-CRD-DIFF: CRD crews.example.io (serves v1): ...", one a change.
std::vector<std::string> DescribeCrdChanges(const Plan& plan, const PlannedBundle& planned);

}  // namespace lighter
