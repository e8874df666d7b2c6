#include "coordinator/install/way_out.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

// What is said contains both, in any case of letters.
struct Case {
  const char* words;
  const char* and_words;
  const char* way_out;
};

constexpr std::array kCases = {
    Case{"exceeded quota", "",
         "a ResourceQuota of namespace lighter-system has no room for a pod on every node: raise "
         "or delete it"},
    Case{"insufficient quota to match these scopes", "",
         "this cluster wants a ResourceQuota in namespace lighter-system that allows pods of "
         "PriorityClass system-node-critical: create one with that scope"},
    Case{"violates podsecurity", "",
         "run `kubectl label namespace lighter-system "
         "pod-security.kubernetes.io/enforce=privileged --overwrite`; docs/agent.md lists what "
         "the pods ask for and why"},
    Case{"failedmount", "volume \"mirrors\"",
         "the folder for --mirror cannot be made on this node (a read-only file system?): `lighter "
         "agent upgrade` has its agent do without, `lighter agent install --mirror-folder` names "
         "another folder, and without --mirror none is needed"},
    Case{"hostpath type check failed", "",
         "containerd of this node has its socket or its root folder elsewhere; docs/agent.md "
         "lists the places that are known"},
    Case{"free ports", "unschedulable", "another pod of the node has the agent's port 7443"},
    Case{"insufficient ", "unschedulable",
         "an agent asks for 50m of CPU and 128 MiB of memory: make room on the node"},
    Case{"too many pods", "unschedulable", "the node's kubelet allows no more pods (maxPods)"},
    Case{"node affinity/selector", "unschedulable",
         "a default node selector of the namespace, or a webhook, keeps the agents away from the "
         "node: exempt namespace lighter-system from it"},
    Case{"untolerated taint", "unschedulable",
         "the agents tolerate every taint; a webhook takes that away: exempt namespace "
         "lighter-system from it"},
    Case{"apparmor", "",
         "AppArmor of the node refuses the pod's profile; `journalctl -k` there names it"},
    Case{"permission denied", "/lighter-boot",
         "the node's kubelet folder is mounted noexec, or SELinux or AppArmor forbids it; "
         "`findmnt -T /var/lib/kubelet` and the audit log of the node tell which"},
    Case{"exec format error", "", "the node is of another architecture than its labels say"},
    Case{"no space left on device", "", "free space on the node's disk"},
};

}  // namespace

std::string WithWayOut(const std::string& words) {
  // The first stage says it itself.
  if (absl::StartsWith(words, "lighter-boot:")) return words;
  const std::string lower = absl::AsciiStrToLower(words);
  for (const Case& known : kCases) {
    if (absl::StrContains(lower, known.words) && absl::StrContains(lower, known.and_words)) {
      return absl::StrCat(words, "; ", known.way_out);
    }
  }
  return words;
}

}  // namespace lighter
