// `lighter prune`: what is not needed any more goes out of the desired list and off the nodes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/desired/prune.h"
#include "coordinator/helm/helm.h"
#include "coordinator/run/remove_run.h"

namespace lighter {

struct PruneOptions {
  KubectlOptions kubectl;
  HelmOptions helm;
  PruneQuery query;
  bool apply = false;  // false: plan only
};

struct PruneReport {
  PrunePlan plan;
  bool applied = false;
  uint64_t generation = 0;         // of the cluster's list now
  std::vector<PrunedNode> nodes;   // when applied, those with an agent's pod
  std::vector<std::string> notes;  // for people

  // Every agent answered, and none refused a name.
  bool Complete() const;
};

// Applying, first writes the smaller list and hands it to the agents, so that none puts back what
// is removed then; what the cluster needs again after that stays. Errors: NotFound (no agents, no
// such chart), FailedPrecondition (the list that is there does not count), Helm's, Kubectl's, those
// of PublishDesired: nothing was removed then.
absl::StatusOr<PruneReport> RunPrune(const PruneOptions& options);

}  // namespace lighter
