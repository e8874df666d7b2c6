#include "coordinator/install/uninstall.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/agent_pods.h"
#include "coordinator/install/enrol.h"
#include "coordinator/install/lift_objects.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/needed_rights.h"
#include "coordinator/install/rights.h"
#include "coordinator/process/parallel.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kPoll = absl::Milliseconds(500);

// Waits some time for `gone`; false when it did not come true, or a stop signal came first.
absl::StatusOr<bool> WaitUntil(const std::function<absl::StatusOr<bool>()>& gone) {
  const absl::Time give_up = absl::Now() + kPatience;
  while (true) {
    ASSIGN_OR_RETURN(const bool done, gone());
    if (done || absl::Now() > give_up || StopRequested()) return done;
    absl::SleepFor(kPoll);
  }
}

// What the cluster puts into every namespace by itself, and what events there are about it.
bool IsTheClustersOwn(absl::string_view object) {
  return object == "configmap/kube-root-ca.crt" || object == "serviceaccount/default" ||
         absl::StartsWith(object, "event");
}

// Whether the namespace holds anything, of any kind, that neither we nor the cluster put there.
absl::StatusOr<bool> HoldsThingsOfOthers(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string listed,
                   kubectl.Run({"api-resources", "--verbs=list", "--namespaced", "-o", "name"}));
  const std::vector<std::string> kinds = absl::StrSplit(listed, '\n', absl::SkipEmpty());
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", absl::StrJoin(kinds, ","), "-n", kAgentNamespace, "-l",
                                "app.kubernetes.io/managed-by!=lighter", "-o", "name"}));
  for (const absl::string_view object : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    if (!IsTheClustersOwn(object)) return true;
  }
  return false;
}

// Why the namespace must stay; empty where it is ours to delete. Whoever may not list all kinds
// cannot know that it is.
absl::StatusOr<std::string> WhyToKeepNamespace(const Kubectl& kubectl,
                                               const NamespaceState& state) {
  if (!state.ours) return "it was there before";
  const absl::StatusOr<bool> others = HoldsThingsOfOthers(kubectl);
  if (absl::IsUnavailable(others.status())) return others.status();
  if (!others.ok()) return "what else it holds could not be listed: " + Message(others.status());
  return *others ? "it holds things of others" : "";
}

// Has every agent remove its key; those that cannot are in the report.
void RemoveKeys(const Kubectl& kubectl, const std::vector<InstalledPod>& pods,
                const std::set<std::string>& ready_nodes, UninstallReport& report) {
  std::vector<absl::Status> removed(pods.size());
  InParallel(pods.size(), [&](size_t i) {
    if (!ready_nodes.contains(pods[i].node)) {
      removed[i] = absl::UnavailableError("the node is not Ready");
    } else if (!pods[i].running) {
      removed[i] = absl::UnavailableError("its agent does not run");
    } else {
      removed[i] = RemoveState(kubectl, pods[i]);
    }
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
}

// The kinds of the objects that lighter has in its namespace, pods aside.
constexpr char kKinds[] = "daemonsets,configmaps,secrets";

absl::Status DeleteAll(const Kubectl& kubectl) {
  return kubectl
      .Run({"delete", kKinds, "-n", kAgentNamespace, "-l", kAgentSelector, "--ignore-not-found",
            "--wait=false"})
      .status();
}

void SayWhichTaintsStay(const std::vector<InstalledPod>& pods,
                        const std::function<void(const std::string&)>& say) {
  std::set<std::string> keys;
  for (const InstalledPod& pod : pods) {
    if (!pod.lift_taint.empty()) keys.insert(pod.lift_taint);
  }
  for (const std::string& key : keys) say(NobodyLifts(key));
}

}  // namespace

absl::StatusOr<UninstallPlan> PlanUninstall(const Kubectl& kubectl) {
  UninstallPlan plan;
  ASSIGN_OR_RETURN(const NamespaceState state, FindNamespace(kubectl));
  plan.finds_namespace = state.exists;
  ASSIGN_OR_RETURN(plan.objects, PresentLiftObjects(kubectl));
  if (!state.exists) return plan;
  ASSIGN_OR_RETURN(const std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  for (const InstalledPod& pod : pods) plan.nodes.push_back(pod.node);
  ASSIGN_OR_RETURN(const std::string listed, kubectl.Run({"get", kKinds, "-n", kAgentNamespace,
                                                          "-l", kAgentSelector, "-o", "name"}));
  for (absl::string_view object : absl::StrSplit(listed, '\n', absl::SkipEmpty())) {
    plan.objects.emplace_back(object);
  }
  ASSIGN_OR_RETURN(plan.namespace_kept, WhyToKeepNamespace(kubectl, state));
  return plan;
}

absl::StatusOr<UninstallReport> Uninstall(const Kubectl& kubectl,
                                          const std::function<void(const std::string&)>& say) {
  UninstallReport report;
  ASSIGN_OR_RETURN(const NamespaceState state, FindNamespace(kubectl));
  if (state.exists) RETURN_IF_ERROR(CheckRights(kubectl, UninstallRights()));
  ASSIGN_OR_RETURN(const bool lifts, FindLiftObjects(kubectl));
  if (lifts) {
    RETURN_IF_ERROR(RemoveLiftObjects(kubectl));
    say("the rights of --lift-taint are removed");
  }
  if (!state.exists) return report;
  const Cluster cluster(kubectl);
  ASSIGN_OR_RETURN(const std::vector<Node> nodes, cluster.Nodes());
  std::set<std::string> ready_nodes;
  for (const Node& node : nodes) {
    if (node.ready) ready_nodes.insert(node.name);
  }
  ASSIGN_OR_RETURN(const std::vector<InstalledPod> pods, ListAgentPods(kubectl));
  SayWhichTaintsStay(pods, say);
  RemoveKeys(kubectl, pods, ready_nodes, report);
  say(absl::StrCat(report.cleaned.size(), " of ", pods.size(), " nodes are clean"));

  RETURN_IF_ERROR(DeleteAll(kubectl));
  // The pod of a node that is not Ready stays until the node is back.
  size_t stranded = 0;
  ASSIGN_OR_RETURN(report.finished, WaitUntil([&]() -> absl::StatusOr<bool> {
                     ASSIGN_OR_RETURN(const std::vector<InstalledPod> left, ListAgentPods(kubectl));
                     stranded = std::count_if(left.begin(), left.end(), [&](const auto& pod) {
                       return !ready_nodes.contains(pod.node);
                     });
                     return left.size() == stranded;
                   }));
  report.finished = report.finished && stranded == 0;
  say(report.finished ? "the agents are gone" : "some agents' pods are still going");
  ASSIGN_OR_RETURN(report.namespace_kept, WhyToKeepNamespace(kubectl, state));
  if (!report.namespace_kept.empty()) return report;
  RETURN_IF_ERROR(
      kubectl.Run({"delete", "namespace", kAgentNamespace, "--ignore-not-found", "--wait=false"})
          .status());
  if (!report.finished) return report;  // it goes when the last pod does
  ASSIGN_OR_RETURN(report.finished, WaitUntil([&]() -> absl::StatusOr<bool> {
                     ASSIGN_OR_RETURN(const NamespaceState now, FindNamespace(kubectl));
                     return !now.exists;
                   }));
  return report;
}

}  // namespace lighter
