#include "coordinator/install/stale_sets.h"

#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kKeepsPods[] = "OnDelete";

std::string NameOf(const json& object) { return Text(object, {"metadata", "name"}); }

json Narrow(const json& daemon_set, const std::set<std::string>& hostnames) {
  json narrowed = AgentObject("apps/v1", "DaemonSet", NameOf(daemon_set));
  narrowed["metadata"]["labels"] = At(daemon_set, {"metadata", "labels"});
  narrowed["spec"] = At(daemon_set, {"spec"});
  narrowed["spec"]["updateStrategy"] = {{"type", kKeepsPods}};
  narrowed["spec"]["template"]["spec"]["affinity"] = NodeAffinity("In", hostnames);
  return narrowed;
}

}  // namespace

StaleSets FindStaleSets(const json& present, const AgentManifests& wanted,
                        const std::vector<SiteNode>& away) {
  std::set<std::string> names;
  std::set<std::string> architectures;
  for (const json& daemon_set : wanted.daemon_sets) {
    names.insert(NameOf(daemon_set));
    architectures.insert(ArchitectureOf(daemon_set));
  }
  StaleSets stale;
  for (const json& daemon_set : present) {
    const std::string name = NameOf(daemon_set);
    if (names.contains(name) || !architectures.contains(ArchitectureOf(daemon_set))) continue;
    std::set<std::string> hostnames;
    for (const SiteNode& node : away) {
      if (node.daemon_set == name) hostnames.insert(node.hostname);
    }
    if (hostnames.empty()) {
      stale.gone.insert(name);
    } else {
      stale.narrowed.push_back(Narrow(daemon_set, hostnames));
    }
  }
  return stale;
}

std::string ArchitectureOf(const json& daemon_set) {
  return Text(daemon_set, {"spec", "template", "spec", "nodeSelector", "kubernetes.io/arch"});
}

bool IsNarrowed(const json& daemon_set) {
  return Text(daemon_set, {"spec", "updateStrategy", "type"}) == kKeepsPods;
}

}  // namespace lighter
