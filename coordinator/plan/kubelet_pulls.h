// Which images a kubelet starts pods from without a pull: the policy of its configuration. Rules
// and defaults are those of Kubernetes 1.35, pkg/kubelet/images/pullmanager.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct KubeletPulls {
  // imagePullCredentialsVerificationPolicy: "NeverVerify", "NeverVerifyPreloadedImages",
  // "NeverVerifyAllowlistedImages", "AlwaysVerify". Empty where the kubelet keeps no records.
  std::string policy;
  std::vector<std::string> preloaded;  // preloadedImagesVerificationAllowlist: repositories, or
                                       // registries and paths that end in "/*"
};

// By a kubelet's /proxy/configz. InvalidArgument where it is no configuration.
absl::StatusOr<KubeletPulls> ParseKubeletPulls(const std::string& configz_json);

// Asks the kubelets of `nodes`; those that cannot be asked are not in the result.
std::map<std::string, KubeletPulls> ReadKubeletPulls(const Kubectl& kubectl,
                                                     const std::vector<std::string>& nodes);

// Whether the allow list names this repository ("docker.io/library/nginx"), and the names as pods
// spell them ("nginx:1"), too: kubelet 1.35.4 compares the latter, tag and all, later ones the
// former (kubernetes#137629).
bool IsAllowlisted(const KubeletPulls& kubelet, const std::string& repository,
                   const std::set<std::string>& spellings);

}  // namespace lighter
