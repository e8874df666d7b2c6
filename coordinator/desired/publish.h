// Changing the cluster's desired list and telling the agents.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/pki.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/transfer/load.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// The list after a change. May be called several times, each with a newer list. A list that comes
// back as it went in is not written.
using DesiredEdit = std::function<v1::Desired(const v1::Desired&)>;

struct PublishOutcome {
  v1::Desired list;      // as it is in the cluster now
  bool changed = false;  // it was written
  std::vector<std::string>
      notes;  // for people: agents that were not told, a list that did not count
};

// Reads the list, edits it, signs it and writes it, again where somebody else was quicker (5 times
// at most); then hands it to the agents of `nodes`. That an agent could not be told is only a note:
// the ConfigMap reaches it, too. Where nothing changes this is one kubectl process. Errors: Aborted
// (somebody else is always quicker), ResourceExhausted (see SignDesired), Kubectl's.
absl::StatusOr<PublishOutcome> PublishDesired(const Kubectl& kubectl, const Authority& authority,
                                              const std::vector<NodeEndpoint>& nodes,
                                              const DesiredEdit& edit);

}  // namespace lighter
