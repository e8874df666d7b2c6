// What the kubelet remembers of its own pulls, and so whether it starts pods from an image that is
// on its node without a pull. Formats and rules are those of Kubernetes 1.35,
// pkg/kubelet/images/pullmanager (beta, on by default; alpha since 1.33).
//
//   PULL_RECORD_UNSPECIFIED  there is no folder to look into, or it cannot be read
//   NONE          the image was brought by others: by its default policy kubelet starts it
//   OPEN          pulled from this repository, and any pod of the node may use it
//   WITH_SECRETS  pulled from this repository with credentials: pods that have them may use it
//   ELSEWHERE     pulled, from other repositories only: kubelet pulls it again from this one
//   PULLING       a pull of this very name goes on, or was cut off and becomes ELSEWHERE
//   BROKEN        a record that kubelet cannot decode either: it pulls, whatever its policy
#pragma once

#include <set>
#include <string>

#include "common/digest.h"
#include "common/reference.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// The records below kubelet's `image_manager` folder, as they are now; kubelet writes at any time,
// and what it has in memory may be newer by moments. Thread-safe.
class PullRecords {
 public:
  // `folder` empty: every answer is PULL_RECORD_UNSPECIFIED.
  explicit PullRecords(std::string folder);

  // For the image with this config under this name.
  v1::PullRecord Find(const Reference& name, const Digest& config) const;

 private:
  void ReadIntents();

  const std::string folder_;
  std::set<std::string> pulling_;  // names, normalised
  std::set<std::string> broken_;   // files of intents that do not tell their name
};

}  // namespace lighter
