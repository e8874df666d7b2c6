// Whether a load fits on the nodes' disks, before its first byte moves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/plan/kubelet_config.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/transfer/load.h"

namespace lighter {

// Bytes of each layer of `work` once unpacked, by digest. A plain tar tells it, and so does zstd
// mostly; gzip tells it modulo 4 GiB, of its last member: where that cannot be, it counts three
// times its stored bytes. Errors are those of reading the package.
absl::StatusOr<std::map<std::string, uint64_t>> UnpackedSizes(const LoadWork& work);

// Sets `disk` of every node that answered, and its status where the load must not begin:
// ResourceExhausted, E-DISK-FULL (it does not fit) or E-DISK-PRESSURE (so little is left that the
// kubelet evicts pods). `kubelets`: those that could be asked.
void CheckDisks(const std::map<std::string, uint64_t>& unpacked_sizes,
                const std::map<std::string, KubeletConfig>& kubelets, std::vector<NodePlan>& nodes);

}  // namespace lighter
