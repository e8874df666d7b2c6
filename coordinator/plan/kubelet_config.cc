#include "coordinator/plan/kubelet_config.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
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

bool IsListed(const KubeletConfig& kubelet, const std::string& name) {
  return std::any_of(kubelet.preloaded.begin(), kubelet.preloaded.end(),
                     [&](const std::string& entry) {
                       absl::string_view prefix = entry;
                       if (!absl::ConsumeSuffix(&prefix, "*")) return entry == name;
                       return absl::EndsWith(prefix, "/") && absl::StartsWith(name, prefix);
                     });
}

// "15%", or bytes as Kubernetes writes quantities: "10Gi", "500M". Nothing where it is neither.
DiskReserve ParseReserve(absl::string_view text) {
  if (absl::ConsumeSuffix(&text, "%")) {
    double percent = 0;
    return absl::SimpleAtod(text, &percent) ? DiskReserve{.percent = percent} : DiskReserve{};
  }
  constexpr std::pair<const char*, double> kUnits[] = {
      {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40},
      {"k", 1e3},     {"M", 1e6},     {"G", 1e9},     {"T", 1e12}};
  double unit = 1;
  for (const auto& [suffix, factor] : kUnits) {
    if (!absl::ConsumeSuffix(&text, suffix)) continue;
    unit = factor;
    break;
  }
  double number = 0;
  const bool read = absl::SimpleAtod(text, &number) && number >= 0 && number * unit < 0x1p63;
  return read ? DiskReserve{.bytes = static_cast<uint64_t>(number * unit)} : DiskReserve{};
}

}  // namespace

uint64_t DiskReserve::Of(uint64_t total_bytes) const {
  if (bytes > 0) return bytes;
  return static_cast<uint64_t>(static_cast<double>(total_bytes) * percent / 100);
}

absl::StatusOr<KubeletConfig> ParseKubeletConfig(const std::string& configz_json) {
  if (configz_json.size() > kMaxConfigzBytes) {
    return absl::InvalidArgumentError("kubelet's configuration is larger than a MiB");
  }
  ASSIGN_OR_RETURN(const json config, ParseJson(configz_json, "kubelet's configuration"));
  const json& kubeletconfig = At(config, {"kubeletconfig"});
  if (!kubeletconfig.is_object()) {
    return absl::InvalidArgumentError("kubelet's configuration has no kubeletconfig");
  }
  KubeletConfig kubelet;
  kubelet.policy = Text(kubeletconfig, {"imagePullCredentialsVerificationPolicy"});
  for (const json& entry : At(kubeletconfig, {"preloadedImagesVerificationAllowlist"})) {
    if (entry.is_string()) kubelet.preloaded.push_back(entry.get<std::string>());
  }
  kubelet.eviction = ParseReserve(Text(kubeletconfig, {"evictionHard", "imagefs.available"}));
  const json& gc_percent = At(kubeletconfig, {"imageGCHighThresholdPercent"});
  if (gc_percent.is_number_integer()) kubelet.gc_percent = gc_percent.get<int>();
  return kubelet;
}

std::map<std::string, KubeletConfig> ReadKubeletConfigs(const Kubectl& kubectl,
                                                        const std::vector<std::string>& nodes) {
  std::vector<std::optional<KubeletConfig>> read(nodes.size());
  InParallel(nodes.size(), [&](size_t i) {
    const absl::StatusOr<std::string> config =
        kubectl.Run({"get", "--raw", absl::StrCat("/api/v1/nodes/", nodes[i], "/proxy/configz")});
    if (!config.ok()) return;
    if (absl::StatusOr<KubeletConfig> kubelet = ParseKubeletConfig(*config); kubelet.ok()) {
      read[i] = *std::move(kubelet);
    }
  });
  std::map<std::string, KubeletConfig> kubelets;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (read[i]) kubelets[nodes[i]] = *std::move(read[i]);
  }
  return kubelets;
}

bool IsAllowlisted(const KubeletConfig& kubelet, const std::string& repository,
                   const std::set<std::string>& spellings) {
  return IsListed(kubelet, repository) &&
         std::all_of(spellings.begin(), spellings.end(),
                     [&](const std::string& name) { return IsListed(kubelet, name); });
}

}  // namespace lighter
