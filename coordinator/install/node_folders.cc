#include "coordinator/install/node_folders.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "coordinator/install/manifests.h"

namespace lighter {

bool NodeFolders::SetRoot(SiteNode& node, const std::string& root) {
  if (node.containerd_root == root || !roots_tried_.emplace(node.name, root).second) return false;
  say_(root.empty() ? absl::StrCat(node.name, " has no folder ", node.containerd_root,
                                   "; its agent is asked for containerd's root")
                    : absl::StrCat(node.name, ": containerd's root is ", root));
  node.containerd_root = root;
  return true;
}

bool NodeFolders::Correct(const std::vector<InstalledPod>& pods, const AgentWarnings& warnings,
                          std::vector<SiteNode>& nodes) {
  bool corrected = false;
  for (const InstalledPod& pod : pods) {
    const auto node = std::find_if(nodes.begin(), nodes.end(),
                                   [&](const SiteNode& each) { return each.name == pod.node; });
    if (node == nodes.end() || pod.running) continue;
    const std::string warning = WarningFor(warnings, pod.name);
    if (!pod.told_root.empty()) {
      corrected = SetRoot(*node, pod.told_root) || corrected;
    } else if (IsAboutVolume(warning, kRootVolume)) {
      corrected = SetRoot(*node, "") || corrected;
    } else if (IsAboutVolume(warning, kPullRecordsVolume) && node->pull_records != kNoPullRecords) {
      say_(absl::StrCat(node->name, ": ", node->pull_records,
                        " is not there; its agent does without"));
      node->pull_records = kNoPullRecords;
      corrected = true;
    } else if (IsAboutVolume(warning, kMirrorsVolume) && !pod.mirror_folder.empty() &&
               node->refused_folder != pod.mirror_folder) {
      say_(absl::StrCat(node->name, ": ", pod.mirror_folder,
                        " cannot be had for --mirror; its agent does without: ", warning));
      node->refused_folder = pod.mirror_folder;
      corrected = true;
    }
  }
  return corrected;
}

}  // namespace lighter
