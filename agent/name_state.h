// What an image name is on this node, asked by somebody who does not say what it should be.
#pragma once

#include "absl/status/statusor.h"
#include "agent/containerd_client.h"
#include "agent/kubelet/pull_records.h"
#include "common/reference.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Proven where CRI knows an image for the name, the name's manifest is that image's, and its top
// snapshot is committed: the proof of prover.h, with what the name has in place of what it should
// have. Anything less is the state's `cause`, not an error. Read-only.
absl::StatusOr<v1::NameState> StateOfName(const Containerd& containerd,
                                          const std::string& snapshotter,
                                          const PullRecords& records, const Reference& name);

}  // namespace lighter
