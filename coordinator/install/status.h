// What the agents of a cluster say of themselves, and what keeps one from saying anything.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/transfer/agent_dialer.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

struct AgentState {
  std::string node;
  std::string image;    // that the agent was started from; empty where there is no pod
  absl::Status status;  // why the agent cannot be used, with the way out; OK when `info` is there
  v1::InfoReply info;
  std::string taint;  // key of the taint that keeps pods away until `pod` takes it off; or empty
  std::string pod;
  absl::Duration clock_ahead;  // the node's clock against this machine's; negative: behind
};

struct AgentsReport {
  std::vector<AgentState> states;  // every node that could have an agent, in the cluster's order
  absl::Time authority_ends = absl::UnixEpoch();  // the epoch: not known
};

// Whether the agent's certificate ends within 90 days, and should be renewed.
bool CertificateEndsSoon(const v1::InfoReply& info, absl::Time now);

// Asks the agent behind `stub` and fills in what it says and whether it can be used; `remedy` is
// what helps where it does not answer.
void AskState(v1::Agent::StubInterface& stub, const std::string& remedy, AgentState& state);

// Asks every agent that `lighter agent install` brought. Errors: NotFound where no agents were
// installed; Kubectl's.
absl::StatusOr<AgentsReport> ReadAgentStates(const Kubectl& kubectl);

}  // namespace lighter
