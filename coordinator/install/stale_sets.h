// DaemonSets of an earlier grouping of the nodes.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "coordinator/install/borrow.h"
#include "coordinator/install/manifests.h"

namespace lighter {

// What becomes of DaemonSets that are no group's any more. Their pods have the agent's port, so
// none may stay on a node that takes part.
struct StaleSets {
  std::set<std::string> gone;  // names of those to delete
  // Those that a node that is away has its agent from, narrowed to such nodes, to be applied: we do
  // not know what these need. Their pods there go on as they are.
  std::vector<nlohmann::json> narrowed;
};

// `present` are those of the cluster. One of another architecture than `wanted` is another
// lighter's, and left alone.
StaleSets FindStaleSets(const nlohmann::json& present, const AgentManifests& wanted,
                        const std::vector<SiteNode>& away);

// Of the nodes that a DaemonSet of agents is for.
std::string ArchitectureOf(const nlohmann::json& daemon_set);

// Whether a DaemonSet of the cluster was narrowed, by this or an earlier installation.
bool IsNarrowed(const nlohmann::json& daemon_set);

}  // namespace lighter
