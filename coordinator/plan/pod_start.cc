#include "coordinator/plan/pod_start.h"

namespace lighter {
namespace {

// Whether the kubelet wants to see credentials before a pod uses the image that is there.
bool WantsCredentials(const StartFacts& facts) {
  const std::string& policy = facts.kubelet.policy;
  if (policy == "AlwaysVerify") return true;
  if (policy == "NeverVerifyAllowlistedImages") {
    return !IsAllowlisted(facts.kubelet, facts.repository);
  }
  return policy == "NeverVerifyPreloadedImages" && facts.record != v1::PULL_RECORD_UNSPECIFIED &&
         facts.record != v1::PULL_RECORD_NONE;
}

}  // namespace

std::optional<StartRisk> FindStartRisk(const StartFacts& facts) {
  const bool is_always = facts.policies.contains(PullPolicy::kAlways);
  const bool wants = WantsCredentials(facts) && facts.record != v1::PULL_RECORD_OPEN;
  if (wants && facts.record == v1::PULL_RECORD_WITH_SECRETS) {
    if (!is_always || facts.is_answered) return StartRisk::kSecrets;
  } else if (wants) {
    if (facts.policies.contains(PullPolicy::kNever)) return StartRisk::kNever;
    if (!facts.is_answered) {
      return facts.record == v1::PULL_RECORD_PULLING ? StartRisk::kIntent : StartRisk::kPull;
    }
  }
  if (is_always && !facts.is_answered) return StartRisk::kAlways;
  return std::nullopt;
}

bool IsBlock(StartRisk risk) { return risk != StartRisk::kSecrets; }

const char* StartRiskCode(StartRisk risk) {
  switch (risk) {
    case StartRisk::kAlways:
      return "E-PULL-ALWAYS";
    case StartRisk::kPull:
      return "E-PULL-RECORD";
    case StartRisk::kNever:
      return "E-PULL-NEVER";
    case StartRisk::kIntent:
      return "E-PULL-INTENT";
    case StartRisk::kSecrets:
      return "N-PULL-SECRETS";
  }
  return "";
}

const char* StartRiskCause(StartRisk risk) {
  switch (risk) {
    case StartRisk::kAlways:
      return "its pods have imagePullPolicy Always, so kubelet asks the registry of this name at "
             "each start";
    case StartRisk::kPull:
      return "kubelet pulled this very image from another repository and starts no pod of this "
             "name "
             "without a pull";
    case StartRisk::kNever:
      return "kubelet pulled this very image from another repository, wants to pull it under this "
             "name, and the pods' imagePullPolicy is Never";
    case StartRisk::kIntent:
      return "kubelet was pulling this name when it stopped, or is at it now: until that pull ends "
             "well it starts no pod of this name without one";
    case StartRisk::kSecrets:
      return "kubelet pulled this image with credentials; pods that have others make it pull again";
  }
  return "";
}

const char* StartRiskRemedy(StartRisk risk) {
  switch (risk) {
    case StartRisk::kAlways:
    case StartRisk::kPull:
    case StartRisk::kIntent:
      return "have the node's own registry answer: --registry local, or `lighter agent upgrade "
             "--mirror REGISTRY`; where a registry that the nodes reach has it: --allow-pull NAME";
    case StartRisk::kNever:
      return "set the pods' imagePullPolicy to IfNotPresent, or "
             "imagePullCredentialsVerificationPolicy: NeverVerify in kubelet's configuration";
    case StartRisk::kSecrets:
      return "keep the imagePullSecrets of the release as they are";
  }
  return "";
}

}  // namespace lighter
