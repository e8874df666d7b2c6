// The Kubernetes objects that are the agents. Pure: nothing is asked and nothing is applied here.
//
// Every object carries the labels app.kubernetes.io/name=lighter-agent and
// app.kubernetes.io/managed-by=lighter. ConfigMaps are immutable and named by what they hold, so
// that agents of two versions never mix.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "coordinator/install/borrow.h"
#include "coordinator/install/payload.h"

namespace lighter {

inline constexpr char kAgentNamespace[] = "lighter-system";
inline constexpr char kAgentSelector[] =
    "app.kubernetes.io/name=lighter-agent,app.kubernetes.io/managed-by=lighter";
inline constexpr char kAgentContainer[] = "agent";
// The volumes of the first stage: itself, the agent's chunks, where it puts the agent.
inline constexpr char kBootVolume[] = "boot";
inline constexpr char kChunksVolume[] = "chunks";
inline constexpr char kRunVolume[] = "run";
// The volume that is containerd's root folder.
inline constexpr char kRootVolume[] = "root";
// Where the agent is in its container: the first stage puts it there, or an image of its own has
// it.
inline constexpr char kBootedProgram[] = "/lighter/run/lighter-agent";
inline constexpr char kImageProgram[] = "/lighter-agent";

// The folder on a node where its agent keeps key and certificate: below containerd's root, the one
// volume that an agent may write.
std::string StateFolder(const AgentGroup& group);

// An object of the agents' namespace with its labels and nothing else yet.
nlohmann::json AgentObject(const char* api_version, const char* kind, const std::string& name);

struct AgentManifests {
  nlohmann::json ns;
  std::vector<nlohmann::json> rights;  // see LiftObjects; none where no taint is lifted
  // The first stage, then the agent's chunks; none where no group borrows its image.
  std::vector<nlohmann::json> config_maps;
  std::vector<nlohmann::json> daemon_sets;  // one a group
};

// Pulls that are to ask the node's own registry first.
struct MirrorSettings {
  std::vector<std::string> registries;
  std::string folder;  // config_path of containerd's CRI; empty: as the group's nodes have it
};

// `lift_taint`: key of the startup taint that the agents take off their nodes; empty: none.
AgentManifests MakeManifests(const AgentPayload& payload, const Grouping& grouping,
                             const MirrorSettings& mirrors = {},
                             const std::string& lift_taint = "");

// A pod's affinity: to the nodes whose label kubernetes.io/hostname is "In", or "NotIn", these.
nlohmann::json NodeAffinity(const char* relation, const std::set<std::string>& hostnames);

// The folder on a node where its agent writes for `mirrors`; empty where it writes nothing, or the
// folder cannot be made.
std::string MirrorFolder(const AgentGroup& group, const MirrorSettings& mirrors);

// Forgets the refused folders that `mirrors` does not ask for.
void ForgetRefusedFolders(const MirrorSettings& mirrors, std::vector<SiteNode>& nodes);

// The volume that shows kubelet's pull records, that of MirrorFolder, and the variable with it.
inline constexpr char kPullRecordsVolume[] = "pull-records";
inline constexpr char kMirrorsVolume[] = "mirrors";
inline constexpr char kMirrorFolderVariable[] = "LIGHTER_MIRROR_DIR";

// On pods of nodes with kNoPullRecords, so that the next installation knows.
inline constexpr char kNoPullRecordsLabel[] = "lighter/no-pull-records";
// The same of nodes where the folder for mirrors cannot be made: that folder.
inline constexpr char kRefusedFolderAnnotation[] = "lighter/refused-mirror-folder";
// Of a DaemonSet: the --mirror-folder that was given; none where each node has its distribution's.
inline constexpr char kMirrorFolderAnnotation[] = "lighter/mirror-folder";

// Names what the pods of a DaemonSet are made from; they carry it as a label.
inline constexpr char kTemplateHashLabel[] = "lighter/template";
std::string TemplateHash(const nlohmann::json& daemon_set);

// A pod of a DaemonSet's template, for asking the API server what admission makes of it.
nlohmann::json SamplePod(const nlohmann::json& daemon_set);

// A v1 List, as `kubectl apply -f` takes it.
nlohmann::json ObjectList(std::vector<nlohmann::json> objects);

}  // namespace lighter
