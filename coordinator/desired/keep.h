// Handing the desired list to the agents, without waiting for kubelet to bring it.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/transfer/load.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

struct KeepOutcome {
  absl::Status status;
  // When OK, what the agent acts on, where it is not the list that it was handed; not verified.
  std::optional<v1::SignedDesired> held;
};

// All nodes at once, 10 s at most; in their order. Unimplemented where an agent is too old.
std::vector<KeepOutcome> PushDesired(const v1::SignedDesired& list,
                                     const std::vector<NodeEndpoint>& nodes);

}  // namespace lighter
