// Handing the desired list to the agents, without waiting for kubelet to bring it.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "coordinator/transfer/load.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

struct KeepOutcome {
  absl::Status status;
  uint64_t generation = 0;  // of the list that the agent acts on now, when OK
};

// All nodes at once, 10 s at most; in their order. Unimplemented where an agent is too old.
std::vector<KeepOutcome> PushDesired(const v1::SignedDesired& list,
                                     const std::vector<NodeEndpoint>& nodes);

}  // namespace lighter
