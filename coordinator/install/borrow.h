// Choosing the image that agents are started from: one that every node of a group holds already.
//
// Its content does not matter: the first stage is a static program from a ConfigMap. The pod says
// imagePullPolicy Never, so a wrong choice fails at once and pulls nothing.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/install/site.h"

namespace lighter {

// Nodes whose agents are one DaemonSet: they share all that a pod template must spell out.
struct AgentGroup {
  std::string image;
  std::string evidence;    // why the nodes are believed to hold it, for people
  bool has_agent = false;  // the image is the agent's own, pulled like any other
  std::string architecture;
  std::string socket;
  std::string containerd_root;
  std::string config_path;
  std::string refused_folder;
  std::string pull_records;
  std::vector<SiteNode> nodes;
};

struct Grouping {
  std::vector<AgentGroup> groups;    // largest first
  std::vector<SkippedNode> without;  // nodes that hold no image that could be borrowed
  // Nodes that are left out this time: each stays with the DaemonSet that its agent is of, if that
  // is one of these groups' or not.
  std::vector<SiteNode> away;
};

// Images that turned out not to start on a node: (image, node).
using ImageBans = std::set<std::pair<std::string, std::string>>;

// The image that the user named.
struct GivenImage {
  std::string name;        // empty: one to borrow is chosen
  bool has_agent = false;  // not borrowed: the agent's own
};

// A given image is used everywhere. One to borrow is chosen by coverage, then by how sure it is
// that these nodes hold it, and that those do that join later (a pause image is on every node that
// ever ran a pod; a DaemonSet's image runs on these now), then by name. On a node that tells of no
// image, the usual sandbox images are tried.
Grouping ChooseGroups(const std::vector<SiteNode>& nodes, const GivenImage& given,
                      const ImageBans& bans);

// Takes from what `nodes` hold the images that lighter brought (`held`, normalised names): a node
// that joins later gets those from its agent, so its agent cannot start from them. A node of which
// nothing else is known keeps them: better such an agent than none.
void LeaveOutHeld(const std::set<std::string>& held, std::vector<SiteNode>& nodes);

// Whether no node can hold `image`, by what all of them report: kubelet lists an image within
// seconds, and tells how many it lists.
bool IsNowhere(const std::vector<SiteNode>& nodes, const std::string& image);

}  // namespace lighter
