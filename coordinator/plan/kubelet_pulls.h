// Which images a kubelet starts pods from without a pull: the policy of its configuration. Rules
// and defaults are those of Kubernetes 1.35, pkg/kubelet/images/pullmanager.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct KubeletPulls {
  // imagePullCredentialsVerificationPolicy: "NeverVerify", "NeverVerifyPreloadedImages",
  // "NeverVerifyAllowlistedImages", "AlwaysVerify". Empty where the kubelet keeps no records, or
  // its configuration cannot be read: then nothing is known that speaks against a start.
  std::string policy;
  std::vector<std::string> preloaded;  // preloadedImagesVerificationAllowlist: repositories, or
                                       // registries and paths that end in "/*"
};

// By a kubelet's /proxy/configz.
KubeletPulls ParseKubeletPulls(const std::string& configz_json);

// Asks the kubelets of `nodes`. One that cannot be asked has an empty policy.
std::map<std::string, KubeletPulls> ReadKubeletPulls(const Kubectl& kubectl,
                                                     const std::vector<std::string>& nodes);

// Whether the allow list names this repository, "docker.io/library/nginx".
bool IsAllowlisted(const KubeletPulls& kubelet, const std::string& repository);

}  // namespace lighter
