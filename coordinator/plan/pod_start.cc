#include "coordinator/plan/pod_start.h"

namespace lighter {
namespace {

// What a kubelet that keeps records does where it is told nothing else.
constexpr char kDefaultPolicy[] = "NeverVerifyPreloadedImages";

bool IsPulled(v1::PullRecord record) {
  return record != v1::PULL_RECORD_UNSPECIFIED && record != v1::PULL_RECORD_NONE;
}

// Why the kubelet pulls although the image is there and no pod asks for a pull.
std::optional<StartRisk> WhyPull(const StartFacts& facts) {
  const std::string policy = facts.kubelet ? facts.kubelet->policy : kDefaultPolicy;
  if (policy.empty()) return std::nullopt;  // it keeps no records
  if (facts.record == v1::PULL_RECORD_BROKEN) return StartRisk::kBroken;
  if (policy == "NeverVerify" || facts.record == v1::PULL_RECORD_OPEN) return std::nullopt;
  if (policy == "NeverVerifyAllowlistedImages" &&
      IsAllowlisted(*facts.kubelet, facts.repository, facts.pods.spellings)) {
    return std::nullopt;
  }
  if (!IsPulled(facts.record)) {
    if (policy != kDefaultPolicy) return StartRisk::kPolicy;
    return std::nullopt;
  }
  if (facts.record == v1::PULL_RECORD_WITH_SECRETS) return StartRisk::kSecrets;
  return facts.record == v1::PULL_RECORD_PULLING ? StartRisk::kIntent : StartRisk::kPull;
}

bool IsUnknown(const StartFacts& facts) {
  if (!facts.kubelet) return true;
  return facts.kubelet->policy == kDefaultPolicy && facts.record == v1::PULL_RECORD_UNSPECIFIED;
}

}  // namespace

std::optional<StartRisk> FindStartRisk(const StartFacts& facts) {
  const std::optional<StartRisk> pull = WhyPull(facts);
  if (pull && pull != StartRisk::kSecrets) {
    if (facts.pods.policies.contains(PullPolicy::kNever)) return StartRisk::kNever;
    if (!facts.is_answered) return pull;
  }
  if (facts.pods.policies.contains(PullPolicy::kAlways) && !facts.is_answered) {
    return StartRisk::kAlways;
  }
  if (pull == StartRisk::kSecrets) return pull;
  if (IsUnknown(facts)) return StartRisk::kUnknown;
  return std::nullopt;
}

const StartRiskWords& WordsOf(StartRisk risk) {
  static constexpr char kAnswer[] =
      "have the node's own registry answer: --registry local, or `lighter agent upgrade --mirror "
      "REGISTRY`; where a registry that the nodes reach has it: --allow-pull NAME";
  static constexpr StartRiskWords kAlways = {
      "E-PULL-ALWAYS",
      "its pods have imagePullPolicy Always, so kubelet asks the registry of this name at each "
      "start",
      kAnswer};
  static constexpr StartRiskWords kPull = {
      "E-PULL-RECORD",
      "kubelet pulled this very image from another repository and starts no pod of this name "
      "without a pull",
      kAnswer};
  static constexpr StartRiskWords kPolicy = {
      "E-PULL-POLICY",
      "by its imagePullCredentialsVerificationPolicy kubelet starts no pod from an image that it "
      "did not pull itself",
      kAnswer};
  static constexpr StartRiskWords kBroken = {
      "E-PULL-BROKEN",
      "kubelet cannot decode its own record of this image (after a power cut, say) and pulls it at "
      "each start",
      kAnswer};
  static constexpr StartRiskWords kNever = {
      "E-PULL-NEVER",
      "kubelet wants to pull this image before it starts a pod of this name, and the pods' "
      "imagePullPolicy is Never",
      "set the pods' imagePullPolicy to IfNotPresent and have the node's own registry answer "
      "(--registry local, or `lighter agent upgrade --mirror REGISTRY`), or set "
      "imagePullCredentialsVerificationPolicy: NeverVerify in kubelet's configuration"};
  static constexpr StartRiskWords kIntent = {
      "E-PULL-INTENT",
      "kubelet is pulling this name, or was cut off in it; until such a pull ends it starts no pod "
      "of this name",
      "delete the pods that wait for this name and run the same command again, or have the node's "
      "own registry answer: --registry local, or `lighter agent upgrade --mirror REGISTRY`"};
  static constexpr StartRiskWords kSecrets = {
      "N-PULL-SECRETS",
      "kubelet pulled this image with credentials; pods without them make it "
      "pull again",
      "keep the imagePullSecrets of the release as they are"};
  static constexpr StartRiskWords kUnknown = {
      "N-PULL-UNKNOWN",
      "it cannot be told whether kubelet starts pods from images that it pulled under other names",
      "the right to get nodes/proxy, or `lighter agent upgrade` where the agent does not see "
      "kubelet's records, makes it known"};
  switch (risk) {
    case StartRisk::kAlways:
      return kAlways;
    case StartRisk::kPull:
      return kPull;
    case StartRisk::kPolicy:
      return kPolicy;
    case StartRisk::kBroken:
      return kBroken;
    case StartRisk::kNever:
      return kNever;
    case StartRisk::kIntent:
      return kIntent;
    case StartRisk::kSecrets:
      return kSecrets;
    case StartRisk::kUnknown:
      break;
  }
  return kUnknown;
}

}  // namespace lighter
