// Nodes that keep things elsewhere than their distribution lets expect.
//
// Of containerd's root, an agent that could start has told; one whose pod mounts a folder that is
// not there starts without it, to tell. A kubelet of another --root-dir has its pull records
// elsewhere, and the folder for --mirror cannot be made below a read-only file system: agents do
// without them.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/install/agent_pods.h"
#include "coordinator/install/site.h"

namespace lighter {

// Thread-compatible.
class NodeFolders {
 public:
  // `say` gets a line for people about each correction; it must outlive this.
  explicit NodeFolders(const std::function<void(const std::string&)>& say) : say_(say) {}

  // Corrects `nodes` by what their pods and the cluster's warnings tell. True where one was:
  // another round is due. No folder is tried on a node twice.
  bool Correct(const std::vector<InstalledPod>& pods, const AgentWarnings& warnings,
               std::vector<SiteNode>& nodes);

 private:
  bool SetRoot(SiteNode& node, const std::string& root);

  const std::function<void(const std::string&)>& say_;
  std::set<std::pair<std::string, std::string>> roots_tried_;  // (node, containerd's root folder)
};

}  // namespace lighter
