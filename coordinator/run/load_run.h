// Runs a plan's load: every node that can be served and is not proven yet, with progress on screen.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/package/checksum_verifier.h"
#include "coordinator/plan/plan.h"
#include "coordinator/progress/display.h"

namespace lighter {

struct NodeReport {
  std::string node;
  absl::Status status;  // OK: every name is proven
  uint64_t moved_bytes = 0;
  absl::Status put_back;  // see NodeOutcome
};

// What became of the cluster's desired list after a load that was proven.
struct DesiredReport {
  absl::Status status;             // why it could not be written; OK where there was nothing to do
  uint64_t generation = 0;         // of the list that holds the load; 0: none does
  std::vector<std::string> notes;  // for people
};

struct LoadReport {
  std::vector<NodeReport> nodes;
  absl::Status package;   // see LoadOutcome
  DesiredReport desired;  // see PublishLoad
  // Nodes that are not proven, and that need not be (--allow-unproven).
  std::set<std::string> allowed;

  bool AllProven() const;
  // All are, but those that need not be.
  bool Suffices() const;
};

// CheckNames (plan/name_problems.h), and FailedPrecondition where the plan brings no image at all.
absl::Status CheckLoad(const Plan& plan);

// Those that failed of the load.
std::set<std::string> UnprovenNodes(const LoadReport& report);

// Lets the nodes that failed be unproven, where the plan allows it.
void AllowUnproven(const Plan& plan, LoadReport& report);

// No name is created before `checksums` has its verdict, and where that is bad the report's package
// is not OK, also where no node lacks anything.
LoadReport LoadNodes(const Plan& plan, const ChecksumVerifier& checksums, ProgressMode mode);

// Adds a later load's results: a node that both have keeps the later status and the sum of the
// bytes.
void MergeLoadReport(LoadReport& into, const LoadReport& later);

}  // namespace lighter
