// Which pods of a plan would not start though their images are on the node.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/plan/kubelet_pulls.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/plan/pod_start.h"
#include "coordinator/plan/release_plan.h"

namespace lighter {

struct StartProblem {
  StartRisk risk = StartRisk::kPull;
  std::string name;
  std::vector<std::string> nodes;
};

// Of nodes that answered. `allowed` are names whose pulls somebody else answers. Sorted by risk and
// name.
std::vector<StartProblem> FindStartProblems(const std::vector<NodePlan>& nodes,
                                            const ReleasePlan& releases,
                                            const std::map<std::string, KubeletPulls>& kubelets,
                                            const std::vector<std::string>& allowed);

// "E-PULL-RECORD: NAME on node1, node2: cause", and the way out, in one line.
std::string DescribeStartProblem(const StartProblem& problem);

// A line for each: "blocked: E-PULL-RECORD: ..." or "note: N-PULL-SECRETS: ...".
std::string DescribeStartProblems(const std::vector<StartProblem>& problems);

// FailedPrecondition, with all that block, where pods would not start.
absl::Status CheckPodsStart(const std::vector<StartProblem>& problems);

}  // namespace lighter
