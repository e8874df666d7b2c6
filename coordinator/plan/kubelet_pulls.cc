#include "coordinator/plan/kubelet_pulls.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/process/parallel.h"

namespace lighter {

using nlohmann::json;

KubeletPulls ParseKubeletPulls(const std::string& configz_json) {
  const json config = json::parse(configz_json, nullptr, /*allow_exceptions=*/false);
  KubeletPulls kubelet;
  kubelet.policy = Text(config, {"kubeletconfig", "imagePullCredentialsVerificationPolicy"});
  for (const json& entry : At(config, {"kubeletconfig", "preloadedImagesVerificationAllowlist"})) {
    if (entry.is_string()) kubelet.preloaded.push_back(entry.get<std::string>());
  }
  return kubelet;
}

std::map<std::string, KubeletPulls> ReadKubeletPulls(const Kubectl& kubectl,
                                                     const std::vector<std::string>& nodes) {
  std::vector<KubeletPulls> read(nodes.size());
  InParallel(nodes.size(), [&](size_t i) {
    const absl::StatusOr<std::string> config =
        kubectl.Run({"get", "--raw", absl::StrCat("/api/v1/nodes/", nodes[i], "/proxy/configz")});
    if (config.ok()) read[i] = ParseKubeletPulls(*config);
  });
  std::map<std::string, KubeletPulls> kubelets;
  for (size_t i = 0; i < nodes.size(); ++i) kubelets[nodes[i]] = std::move(read[i]);
  return kubelets;
}

bool IsAllowlisted(const KubeletPulls& kubelet, const std::string& repository) {
  return std::any_of(kubelet.preloaded.begin(), kubelet.preloaded.end(),
                     [&](const std::string& entry) {
                       absl::string_view prefix = entry;
                       if (!absl::ConsumeSuffix(&prefix, "*")) return entry == repository;
                       return absl::EndsWith(prefix, "/") && absl::StartsWith(repository, prefix);
                     });
}

}  // namespace lighter
