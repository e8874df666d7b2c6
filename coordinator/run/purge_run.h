// `lighter agent uninstall --purge`: the images that lighter loaded go, before the agents do.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/run/remove_run.h"

namespace lighter {

struct PurgeReport {
  std::vector<PrunedNode> nodes;   // those with an agent's pod
  std::vector<std::string> notes;  // for people

  // Every agent answered, and none refused a name.
  bool Complete() const;
};

// Removes every name that lighter created and no pod uses, on every node with an agent. First the
// cluster's desired list holds nothing else any more, so that no agent puts a name back. `dry_run`:
// tells what would go, and changes nothing. Where no agents are installed the report is empty.
// Errors: Kubectl's, those of PublishDesired: nothing was removed then.
absl::StatusOr<PurgeReport> RunPurge(const Kubectl& kubectl, bool dry_run);

// Nodes with the same outcome are told together.
std::string DescribePurge(const PurgeReport& report, bool dry_run);
nlohmann::ordered_json PurgeToJson(const PurgeReport& report);

}  // namespace lighter
