// Whether a kubelet will start a pod from an image that is on its node, or asks a registry first:
// the half of the proof that CRI cannot see. What each case does was measured: docs/proof.md.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "coordinator/naming/rendered_images.h"
#include "coordinator/plan/kubelet_pulls.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Of one name on one node.
struct StartFacts {
  v1::PullRecord record = v1::PULL_RECORD_UNSPECIFIED;
  KubeletPulls kubelet;
  std::set<PullPolicy> policies;  // of the containers that ask for the name; empty: not known
  std::string repository;         // of the name: "docker.io/library/nginx"
  bool is_answered = false;       // a pull of the name ends at the node's own registry
};

enum class StartRisk {
  // A container has policy Always, and no registry that we know of answers: "E-PULL-ALWAYS".
  kAlways,
  // The kubelet does not take the image without a pull, and none answers: "E-PULL-RECORD".
  kPull,
  // The same, and a container has policy Never: nothing on the node helps: "E-PULL-NEVER".
  kNever,
  // A pull of this name was cut off, or hangs; then as kPull: "E-PULL-INTENT".
  kIntent,
  // The image was pulled with credentials; pods that have others ask a registry: "N-PULL-SECRETS".
  kSecrets,
};

// What stands between the name and a pod that starts; nothing where it starts.
std::optional<StartRisk> FindStartRisk(const StartFacts& facts);

// Whether a release must not be upgraded for it; else it is worth a note.
bool IsBlock(StartRisk risk);

// Stable, for scripts.
const char* StartRiskCode(StartRisk risk);
// What happens, and what the way out is, for people.
const char* StartRiskCause(StartRisk risk);
const char* StartRiskRemedy(StartRisk risk);

}  // namespace lighter
