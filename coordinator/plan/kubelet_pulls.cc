#include "coordinator/plan/kubelet_pulls.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/process/parallel.h"

namespace lighter {

using nlohmann::json;

namespace {

constexpr size_t kMaxConfigzBytes = kMiB;

bool IsListed(const KubeletPulls& kubelet, const std::string& name) {
  return std::any_of(kubelet.preloaded.begin(), kubelet.preloaded.end(),
                     [&](const std::string& entry) {
                       absl::string_view prefix = entry;
                       if (!absl::ConsumeSuffix(&prefix, "*")) return entry == name;
                       return absl::EndsWith(prefix, "/") && absl::StartsWith(name, prefix);
                     });
}

}  // namespace

absl::StatusOr<KubeletPulls> ParseKubeletPulls(const std::string& configz_json) {
  if (configz_json.size() > kMaxConfigzBytes) {
    return absl::InvalidArgumentError("kubelet's configuration is larger than a MiB");
  }
  ASSIGN_OR_RETURN(const json config, ParseJson(configz_json, "kubelet's configuration"));
  const json& kubeletconfig = At(config, {"kubeletconfig"});
  if (!kubeletconfig.is_object()) {
    return absl::InvalidArgumentError("kubelet's configuration has no kubeletconfig");
  }
  KubeletPulls kubelet;
  kubelet.policy = Text(kubeletconfig, {"imagePullCredentialsVerificationPolicy"});
  for (const json& entry : At(kubeletconfig, {"preloadedImagesVerificationAllowlist"})) {
    if (entry.is_string()) kubelet.preloaded.push_back(entry.get<std::string>());
  }
  return kubelet;
}

std::map<std::string, KubeletPulls> ReadKubeletPulls(const Kubectl& kubectl,
                                                     const std::vector<std::string>& nodes) {
  std::vector<std::optional<KubeletPulls>> read(nodes.size());
  InParallel(nodes.size(), [&](size_t i) {
    const absl::StatusOr<std::string> config =
        kubectl.Run({"get", "--raw", absl::StrCat("/api/v1/nodes/", nodes[i], "/proxy/configz")});
    if (!config.ok()) return;
    if (absl::StatusOr<KubeletPulls> kubelet = ParseKubeletPulls(*config); kubelet.ok()) {
      read[i] = *std::move(kubelet);
    }
  });
  std::map<std::string, KubeletPulls> kubelets;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (read[i]) kubelets[nodes[i]] = *std::move(read[i]);
  }
  return kubelets;
}

bool IsAllowlisted(const KubeletPulls& kubelet, const std::string& repository,
                   const std::set<std::string>& spellings) {
  return IsListed(kubelet, repository) &&
         std::all_of(spellings.begin(), spellings.end(),
                     [&](const std::string& name) { return IsListed(kubelet, name); });
}

}  // namespace lighter
