// What is wrong, or worth knowing, about the names that pods will ask for: images that the package
// does not have, and registries that change unasked.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/plan/kubelet_config.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/plan/release_plan.h"

namespace lighter {

struct Plan;

struct NameProblem {
  const char* code;  // stable, for scripts; "E-" stops the run before anything moves
  std::string name;  // the image's, as pods spell it, or the registry's
  std::string cause;
  std::string remedy;  // empty where there is nothing to do

  bool blocks() const;
  // "E-IMAGE-MISSING: NAME: cause; way out".
  std::string Describe() const;
};

// E-REGISTRY-CHANGED, E-IMAGE-MISSING (pods start at once), E-IMAGE-LATER (some day by themselves),
// N-IMAGE-ZERO (when somebody changes something), N-IMAGE-TEST (`helm test`), N-IMAGE-PRESENT
// (every node has it already), N-IMAGE-ALLOWED (--allow-missing). In the order of the plan's
// bundles.
std::vector<NameProblem> FindNameProblems(const Plan& plan);

// Names that block, as pods spell them.
std::vector<std::string> MissingNames(const Plan& plan);

// A line for each: "blocks the upgrade: E-IMAGE-MISSING: ..." or "note: N-IMAGE-TEST: ...".
std::string DescribeNameProblems(const Plan& plan);
nlohmann::ordered_json NameProblemsToJson(const Plan& plan);

// FailedPrecondition with all that block.
absl::Status CheckNames(const Plan& plan);

// Marks the uncovered images that every one of these nodes has under that very name, such that pods
// start from it, as present. `nodes` were asked about those names.
void MarkPresent(const std::vector<NodePlan>& nodes,
                 const std::map<std::string, KubeletConfig>& kubelets, ReleasePlan& releases);

// Normalised names of uncovered images that are in the way unless the nodes have them.
std::vector<std::string> NamesToLookFor(const ReleasePlan& releases);

}  // namespace lighter
