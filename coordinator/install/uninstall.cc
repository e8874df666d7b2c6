#include "coordinator/install/uninstall.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/enrol.h"
#include "coordinator/install/manifests.h"
#include "coordinator/process/parallel.h"

namespace lighter {
namespace {

// Deleting waits until pods are gone and namespaces are finalised.
constexpr KubectlCall kPatient = {.timeout = absl::Minutes(3), .request_timeout = absl::Minutes(3)};

// What the cluster puts into every namespace by itself.
bool IsTheClustersOwn(absl::string_view object) {
  return object == "configmap/kube-root-ca.crt" || object == "serviceaccount/default";
}

absl::StatusOr<bool> HoldsThingsOfOthers(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", "all,configmaps,secrets,serviceaccounts", "-n",
                                kAgentNamespace, "-o", "name"}));
  for (const absl::string_view object : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    if (!IsTheClustersOwn(object)) return true;
  }
  return false;
}

absl::StatusOr<bool> IsOurNamespace(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", "namespaces", "-l", "app.kubernetes.io/managed-by=lighter",
                                "-o", "name"}));
  return absl::StrContains(out, absl::StrCat("namespace/", kAgentNamespace, "\n"));
}

}  // namespace

absl::StatusOr<UninstallReport> Uninstall(const Kubectl& kubectl,
                                          const std::function<void(const std::string&)>& say) {
  UninstallReport report;
  ASSIGN_OR_RETURN(const std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  std::vector<absl::Status> removed(pods.size());
  InParallel(pods.size(), [&](size_t i) {
    removed[i] = pods[i].running ? RemoveState(kubectl, pods[i])
                                 : absl::UnavailableError("its agent does not run");
  });
  for (size_t i = 0; i < pods.size(); ++i) {
    if (removed[i].ok()) {
      report.cleaned.push_back(pods[i].node);
    } else {
      report.left.emplace_back(
          pods[i].node,
          absl::StrCat(Message(removed[i]), "; what may be left: ", pods[i].state_folder));
    }
  }
  say(absl::StrCat(report.cleaned.size(), " of ", pods.size(), " nodes are clean"));
  RETURN_IF_ERROR(kubectl
                      .Run({"delete", "daemonsets,pods,configmaps,secrets", "-n", kAgentNamespace,
                            "-l", kAgentSelector, "--ignore-not-found"},
                           kPatient)
                      .status());
  say("the agents are gone");
  ASSIGN_OR_RETURN(const bool ours, IsOurNamespace(kubectl));
  if (!ours) {
    report.namespace_kept = true;
    return report;
  }
  ASSIGN_OR_RETURN(report.namespace_kept, HoldsThingsOfOthers(kubectl));
  if (report.namespace_kept) return report;
  RETURN_IF_ERROR(
      kubectl.Run({"delete", "namespace", kAgentNamespace, "--ignore-not-found"}, kPatient)
          .status());
  return report;
}

}  // namespace lighter
