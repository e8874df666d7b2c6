// The status of agents with certificates of the site's own: those of the chart, and services.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/install/status.h"

namespace lighter {

// Asks the agent of every Linux node as `lighter plan --tls-dir` would. Errors: those of
// AgentDialer::FromTlsFolder, Kubectl's.
absl::StatusOr<AgentsReport> ReadOwnPkiStates(const Kubectl& kubectl, const std::string& tls_dir);

}  // namespace lighter
