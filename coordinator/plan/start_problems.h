// Which pods of a plan would not start though their images are on the node.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/plan/kubelet_config.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/plan/pod_start.h"
#include "coordinator/plan/release_plan.h"

namespace lighter {

struct StartProblem {
  StartRisk risk = StartRisk::kPull;
  std::string name;  // empty for kUnknown
  std::vector<std::string> nodes;
  // Whether a release must not be upgraded for it: not where no pod and no argument of the rendered
  // chart has the name.
  bool blocks = false;

  // "E-PULL-RECORD: NAME on node1, node2: cause; way out".
  std::string Describe() const;
  std::string Remedy() const;  // with its words filled in
};

// How a release uses a name.
struct NameUse {
  PodPulls pods;
  bool is_asked_for = false;  // by a pod, or in an argument that a pod may make others of
  bool is_served = false;     // the desired list will hold it, so the node's own registry serves it
  std::set<std::string> spared = {};  // nodes on which nobody asks for it
};

struct StartCheck {
  std::vector<StartProblem> problems;  // by risk and name
  // Names whose pods start only because the node's own registry answers their pull. It serves what
  // the desired list holds.
  std::vector<std::string> answered;
};

struct StartQuery {
  // The node's own registry will serve the names: this run writes the desired list.
  bool publishes = false;
  std::vector<std::string> allowed;  // normalised names whose pulls somebody else answers
};

// Looks at the nodes that answered, and there at the names that are used; not at names asked about
// alone that are not proven. `kubelets`: those that could be asked. `allowed`: normalised names
// whose pulls somebody else answers.
StartCheck CheckStart(const std::vector<NodePlan>& nodes,
                      const std::map<std::string, NameUse>& uses,
                      const std::map<std::string, KubeletConfig>& kubelets,
                      const std::vector<std::string>& allowed);

// The same of the names of `releases`.
StartCheck CheckStart(const std::vector<NodePlan>& nodes, const ReleasePlan& releases,
                      const std::map<std::string, KubeletConfig>& kubelets,
                      const StartQuery& query);

// A line for each: "blocks the upgrade: E-PULL-RECORD: ..." or "note: N-PULL-SECRETS: ...".
std::string DescribeStartProblems(const std::vector<StartProblem>& problems);

// FailedPrecondition, with all that block, where pods would not start. A pull that goes on counts
// only once the images are there (`is_loaded`): by then it may be over.
absl::Status CheckPodsStart(const std::vector<StartProblem>& problems, bool is_loaded);

}  // namespace lighter
