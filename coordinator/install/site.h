// What an installation learns of a cluster before it changes anything.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// Where a distribution of Kubernetes keeps things on its nodes.
struct NodeLayout {
  std::string containerd_root;  // containerd's root folder
  std::string config_path;      // of its CRI: folder of the settings of registries
  std::string kubelet_root;     // kubelet's --root-dir
};

// Instead of a folder: it is not where the distribution lets expect it.
inline constexpr char kNoPullRecords[] = "not found";

// A Ready Linux node that runs containerd.
struct SiteNode {
  std::string name;
  std::string hostname;         // its label kubernetes.io/hostname, by which affinity selects it
  std::string architecture;     // "amd64"
  std::string kubelet_version;  // "v1.35.4"
  int kubelet_minor = 0;        // 35 of v1.35.4; 0 where unreadable
  std::string socket;           // containerd's, a path on the node
  // containerd's root folder on the node: what a running agent found, else by the socket's layout;
  // empty: not known, an agent has to tell.
  std::string containerd_root;
  std::string config_path;  // see NodeLayout
  // The folder that --mirror needs and that cannot be made on the node, as its agent's pod
  // remembers; empty where none is known.
  std::string refused_folder;
  // kubelet's folder of them; empty where it keeps none; kNoPullRecords where it was not found.
  std::string pull_records;
  // Images that the node holds as far as the API server knows, under every name.
  std::set<std::string> reported_images;
  int64_t reported_count = 0;  // of images, whatever number of names each has
  // Whether these may not be all: kubelet lists the largest ones, and not all names of one.
  bool reports_in_part = false;
  // Images of the DaemonSet pods that run here now, under the names that their pods use.
  std::set<std::string> daemonset_images;
  std::string agent_image;  // of the agent that runs here now; empty where none does
  std::string daemon_set;   // of the agent's pod here, whether or not it runs; empty: no pod
  // Images that a pod here pulled with credentials; from 1.35 on kubelet asks others for them too.
  std::set<std::string> credential_images;
};

struct SkippedNode {
  std::string name;
  std::string cause;
};

struct Site {
  std::vector<SiteNode> nodes;
  std::vector<SkippedNode> skipped;
  // Of those that are skipped: not Ready, or their kubelet does not answer. They come back with the
  // agent that they have.
  std::vector<SiteNode> away;
};

// Reads nodes, pods and each kubelet's configuration. Nothing is changed. Errors are Kubectl's.
absl::StatusOr<Site> ReadSite(const Kubectl& kubectl);

// Moves the nodes of other architectures, for which there is no agent, to those that are skipped;
// none of them is `away`.
void KeepOneArchitecture(const std::string& architecture, Site& site);

// The parsers, apart so that tests can feed them.
absl::StatusOr<Site> ParseSite(const std::string& nodes_json, const std::string& pods_json);
// containerRuntimeEndpoint of a kubelet's /proxy/configz, as a path. InvalidArgument where it is
// not a unix socket.
absl::StatusOr<std::string> ParseRuntimeSocket(const std::string& configz_json);

// How many images a kubelet lists in its node's status (nodeStatusMaxImages), by its
// /proxy/configz: 50 where it does not say; -1: all.
int64_t ParseMaxImages(const std::string& configz_json);

// Whether a kubelet keeps records of its pulls (1.35; 1.33 behind a gate), by its /proxy/configz:
// only with the gate has its policy a default.
bool KeepsPullRecords(const std::string& configz_json);

// What is known from the socket's path and "v1.35.4+rke2r1": the layouts of k3s, RKE2, MicroK8s and
// k0s; else the defaults of containerd and kubelet.
NodeLayout LayoutOf(const std::string& socket, const std::string& kubelet_version);

}  // namespace lighter
