// CustomResourceDefinitions that a chart brings in crds/. Helm makes them with the first
// installation and never again, so an upgrade may need what the cluster has not.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct CrdDifference {
  std::string name;        // "crews.quayside.example.io"
  bool is_absent = false;  // the cluster has none of that name; else another
  std::string here;        // the versions that the cluster's serves: "v1alpha1, v1"
  std::string in_chart;    // those of the chart's
};

// What a server-side apply of `crds` (YAML documents) would change; asked of the API server with a
// dry run. Errors are Kubectl's.
absl::StatusOr<std::vector<CrdDifference>> CompareCrds(const Kubectl& kubectl,
                                                       const std::string& crds);

// Of what kubectl prints: CRDs as they are, and as they would be. Apart so that tests can feed it.
absl::StatusOr<std::vector<CrdDifference>> CompareCrdLists(const std::string& live,
                                                           const std::string& applied);

// Keeps those of `differences` that are there as they are in the file `backup`, applies `crds`
// (never deletes), and waits until the API server serves them. Errors are Kubectl's.
absl::Status ApplyCrds(const Kubectl& kubectl, const std::string& crds,
                       const std::vector<CrdDifference>& differences, const std::string& backup);

}  // namespace lighter
