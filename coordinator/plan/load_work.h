// From the bundles of a plan to what goes over the wire: images with their names, blobs with their
// places in the package.
#pragma once

#include "absl/status/statusor.h"
#include "coordinator/package/package.h"
#include "coordinator/plan/release_plan.h"
#include "coordinator/transfer/load.h"

namespace lighter {

// An image that several bundles bring appears once, with all its names. FailedPrecondition where
// two bundles claim one target name for different images; ResourceExhausted where the manifests do
// not fit into one message to an agent.
absl::StatusOr<LoadWork> MakeLoadWork(const Package& package, const ReleasePlan& plan,
                                      const std::string& run_id);

// Bytes of all distinct blobs.
uint64_t DistinctBytes(const LoadWork& work);
// Of the images that go to the node.
uint64_t DistinctBytes(const LoadWork& work, const NodeEndpoint& node);

}  // namespace lighter
