#include "coordinator/install/old_mirrors.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/enrol.h"
#include "coordinator/process/parallel.h"

namespace lighter {

absl::Status RemoveOldMirrors(const Kubectl& kubectl, const Grouping& grouping,
                              const MirrorSettings& mirrors,
                              const std::function<void(const std::string&)>& say) {
  std::map<std::string, std::string> wanted;  // folder by node
  for (const SkippedNode& node : grouping.without) wanted[node.name] = "";
  for (const AgentGroup& group : grouping.groups) {
    for (const SiteNode& node : group.nodes) wanted[node.name] = MirrorFolder(group, mirrors);
  }
  ASSIGN_OR_RETURN(std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  std::erase_if(pods, [&](const InstalledPod& pod) {
    const auto folder = wanted.find(pod.node);
    return folder == wanted.end() || pod.mirror_folder.empty() || pod.terminating ||
           pod.mirror_folder == folder->second;
  });
  std::vector<absl::Status> removed(pods.size(), absl::UnavailableError("its agent does not run"));
  InParallel(pods.size(), [&](size_t i) {
    if (pods[i].running) removed[i] = RemoveMirrors(kubectl, pods[i]);
  });
  for (size_t i = 0; i < pods.size(); ++i) {
    say(absl::StrCat(pods[i].node, ": what --mirror has written to ", pods[i].mirror_folder,
                     removed[i].ok() ? " is removed" : " stays: " + Message(removed[i])));
  }
  return absl::OkStatus();
}

}  // namespace lighter
