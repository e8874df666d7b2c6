// What of a kubelet's configuration a plan must know: which images it starts pods from without a
// pull, and how full the disk of images may get. Rules and defaults are those of Kubernetes 1.35,
// pkg/kubelet/images/pullmanager and pkg/kubelet/eviction.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// How much of a disk must stay free.
struct DiskReserve {
  uint64_t bytes = 0;
  double percent = 0;  // of the whole disk; counts where `bytes` is 0

  uint64_t Of(uint64_t total_bytes) const;
};

struct KubeletConfig {
  // imagePullCredentialsVerificationPolicy: "NeverVerify", "NeverVerifyPreloadedImages",
  // "NeverVerifyAllowlistedImages", "AlwaysVerify". Empty where the kubelet keeps no records.
  std::string policy;
  std::vector<std::string> preloaded;  // preloadedImagesVerificationAllowlist: repositories, or
                                       // registries and paths that end in "/*"
  // evictionHard "imagefs.available": where less is free, pods are evicted and images deleted.
  DiskReserve eviction;
  // imageGCHighThresholdPercent: where more is used, images that nothing uses are deleted.
  int gc_percent = 100;
};

// By a kubelet's /proxy/configz. InvalidArgument where it is no configuration.
absl::StatusOr<KubeletConfig> ParseKubeletConfig(const std::string& configz_json);

// Asks the kubelets of `nodes`; those that cannot be asked are not in the result.
std::map<std::string, KubeletConfig> ReadKubeletConfigs(const Kubectl& kubectl,
                                                        const std::vector<std::string>& nodes);

// Whether the allow list names this repository ("docker.io/library/nginx"), and the names as pods
// spell them ("nginx:1"), too: kubelet 1.35.4 compares the latter, tag and all, later ones the
// former (kubernetes#137629).
bool IsAllowlisted(const KubeletConfig& kubelet, const std::string& repository,
                   const std::set<std::string>& spellings);

}  // namespace lighter
