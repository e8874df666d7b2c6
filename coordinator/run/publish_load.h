// After a load: what the nodes must hold from now on.
#pragma once

#include "absl/time/time.h"
#include "coordinator/desired/merge.h"
#include "coordinator/plan/plan.h"
#include "coordinator/run/load_run.h"

namespace lighter {

// Adds what `nodes`, of which every one that takes part is proven, change in the list's peers.
void AddPeers(const NodeSelection& nodes, DesiredChange& change);

// Writes a change into the cluster's desired list and hands that to the agents of `nodes`.
DesiredReport PublishChange(const Cluster& cluster, const Authority& authority,
                            const NodeSelection& nodes, const DesiredChange& change);

// What a plan changes in the desired list, once all of its nodes are proven.
DesiredChange ChangeOfLoad(const Plan& plan, absl::Time now);

// Writes the images of `plan`, of which every node is proven, into the cluster's desired list and
// hands that to the agents. Nothing is done where the cluster has no authority of lighter's
// (--tls-dir, --local): nobody could sign the list.
DesiredReport PublishLoad(const PlanMaker& maker, const Plan& plan);

}  // namespace lighter
