// Having the agents remove image names.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/transfer/agent_dialer.h"
#include "coordinator/transfer/load.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// What became of the removals on one node.
struct PrunedNode {
  std::string node;
  absl::Status status;  // why nothing is known of it; OK when the agent answered
  std::vector<std::string> removed;
  std::vector<std::pair<std::string, std::string>> refused;  // name, cause
};

// Nodes with an agent's pod.
struct RemoveTargets {
  std::vector<PrunedNode> nodes;        // all of them; `status` tells where an agent is not ready
  std::vector<NodeEndpoint> endpoints;  // the ready agents
  std::vector<size_t> node_of;          // of each endpoint, its index into `nodes`
};

// Errors are Kubectl's, and those of CheckAgents.
absl::StatusOr<RemoveTargets> FindRemoveTargets(const Kubectl& kubectl, const AgentDialer& dialer);

// Takes those that do not answer out of the endpoints, their cause in `nodes`. FailedPrecondition
// where one speaks another protocol: it may not know all of a request, and do something else, so
// nothing may be changed before it is upgraded.
absl::Status CheckAgents(RemoveTargets& targets);

// Asks all ready agents at once and writes what they say into `targets.nodes`.
void RemoveOnNodes(const v1::RemoveRequest& request, RemoveTargets& targets);

}  // namespace lighter
