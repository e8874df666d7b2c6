// Whether a kubelet will start a pod from an image that is on its node, or asks a registry first:
// the half of the proof that CRI cannot see. What each case does was measured: docs/proof.md.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "coordinator/naming/rendered_images.h"
#include "coordinator/plan/kubelet_config.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// Of one name on one node.
struct StartFacts {
  v1::PullRecord record = v1::PULL_RECORD_UNSPECIFIED;
  std::optional<KubeletConfig> kubelet;  // nothing: it could not be asked
  PodPulls pods;                         // of the pods that ask for the name; empty: none known
  std::string repository;                // of the name: "docker.io/library/nginx"
  bool is_answered = false;              // a pull of the name ends at the node's own registry
};

enum class StartRisk {
  // A container has policy Always, and no registry that we know of answers: "E-PULL-ALWAYS".
  kAlways,
  // The kubelet pulled the image from elsewhere and pulls it again, and nobody answers:
  // "E-PULL-RECORD".
  kPull,
  // The kubelet's policy wants a pull of whatever it did not pull itself: "E-PULL-POLICY".
  kPolicy,
  // The kubelet cannot decode its record of the image, and pulls every time: "E-PULL-BROKEN".
  kBroken,
  // The same, and a container has policy Never: nothing on the node helps: "E-PULL-NEVER".
  kNever,
  // A pull of this name was cut off, or hangs; then as kPull: "E-PULL-INTENT".
  kIntent,
  // The image was pulled with credentials; pods that have others ask a registry: "N-PULL-SECRETS".
  kSecrets,
  // Neither records nor policy of the kubelet are known: "N-PULL-UNKNOWN". Of a node, not a name.
  kUnknown,
};

// What stands between the name and a pod that starts; nothing where it starts.
std::optional<StartRisk> FindStartRisk(const StartFacts& facts);

struct StartRiskWords {
  const char* code;    // stable, for scripts; "E-" blocks an upgrade, "N-" is worth a note
  const char* cause;   // what happens
  const char* remedy;  // the way out; NAME and REGISTRY stand for those of the name
};
const StartRiskWords& WordsOf(StartRisk risk);

}  // namespace lighter
