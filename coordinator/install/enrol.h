// Giving a node's agent its certificate, over the API server's channel into that very pod: kubelet
// vouches for which node the pod runs on, so nobody else's request is signed for it.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/pki.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/install/agent_pods.h"

namespace lighter {

// Has the agent in `pod` make a request for its own key, signs it for `pod.node` and hands the
// certificate back. Safe to repeat: that renews the certificate. Errors: Kubectl's; those of
// IssueCertificate.
absl::Status Enrol(const Kubectl& kubectl, const Authority& authority, const InstalledPod& pod);

// Enrols the agents on `nodes` that run and wait for a certificate, as those of nodes do that
// joined after the installation, and gives them some seconds to be ready. Does its best: an agent
// that cannot be enrolled stays as it is, and whoever asks it next says so.
void EnrolWaiting(const Kubectl& kubectl, const Authority& authority,
                  const std::set<std::string>& nodes);

// Has the agent in `pod` remove its key, its certificate and their folder from the node.
absl::Status RemoveState(const Kubectl& kubectl, const InstalledPod& pod);

// Has the agent in `pod` remove what sends pulls to its registry.
absl::Status RemoveMirrors(const Kubectl& kubectl, const InstalledPod& pod);

}  // namespace lighter
