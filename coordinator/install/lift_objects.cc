#include "coordinator/install/lift_objects.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/agent_objects.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/needed_rights.h"
#include "coordinator/install/rights.h"
#include "coordinator/install/stale_sets.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kResources[] = "/apis/admissionregistration.k8s.io/v1";

std::string Named(const char* kind) { return absl::StrCat(kind, "/", kLiftName); }

std::string Role() { return Named("clusterroles.rbac.authorization.k8s.io"); }

// In steps, as kubectl goes on to the next object where one fails: what allows something goes
// before what limits it, and the cluster role, by which they are found again, last.
std::vector<std::vector<std::string>> RemovalSteps() {
  return {{Named("clusterrolebindings.rbac.authorization.k8s.io")},
          {Named("serviceaccounts"),
           Named("validatingadmissionpolicybindings.admissionregistration.k8s.io"),
           Named("validatingadmissionpolicies.admissionregistration.k8s.io")},
          {Role()}};
}

absl::Status Remove(const Kubectl& kubectl, const std::vector<std::string>& objects) {
  std::vector<std::string> args = {"delete", "-n", kAgentNamespace, "--ignore-not-found",
                                   "--wait=false"};
  args.insert(args.end(), objects.begin(), objects.end());
  return kubectl.Run(args).status();
}

}  // namespace

bool HasAdmissionPolicies(const std::string& resources_json) {
  const json list = json::parse(resources_json, nullptr, /*allow_exceptions=*/false);
  const json& resources = At(list, {"resources"});
  return std::any_of(resources.begin(), resources.end(), [](const json& resource) {
    return Text(resource, {"name"}) == "validatingadmissionpolicies";
  });
}

absl::Status CheckLiftSupport(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string resources, kubectl.Run({"get", "--raw", kResources}));
  if (HasAdmissionPolicies(resources)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "--lift-taint needs an API server with ValidatingAdmissionPolicy (Kubernetes 1.30 or later): "
      "this one could not keep the agents from changing other nodes, or more of them than the "
      "taint; nothing was changed");
}

absl::StatusOr<std::vector<std::string>> PresentLiftObjects(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string found,
                   kubectl.Run({"get", Role(), "--ignore-not-found", "-o", "name"}));
  std::vector<std::string> objects;
  if (found.empty()) return objects;
  for (std::vector<std::string>& step : RemovalSteps()) {
    objects.insert(objects.end(), step.begin(), step.end());
  }
  return objects;
}

absl::StatusOr<bool> FindLiftObjects(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::vector<std::string> present, PresentLiftObjects(kubectl));
  if (present.empty()) return false;
  RETURN_IF_ERROR(CheckRights(kubectl, UnliftRights()));
  return true;
}

absl::Status ApplyLiftObjects(const Kubectl& kubectl, const std::string& key) {
  LiftObjects objects = MakeLiftObjects(key);
  std::vector<json>& in_order = objects.limits;
  in_order.push_back(std::move(objects.grant));
  // One by one, as kubectl goes on to the next object where one fails.
  for (json& object : in_order) {
    std::vector<json> one;
    one.push_back(std::move(object));
    RETURN_IF_ERROR(ApplyObjects(kubectl, std::move(one)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> LiftedTaints(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const json daemon_sets, PresentDaemonSets(kubectl));
  std::set<std::string> keys;
  for (const json& daemon_set : daemon_sets) {
    if (!IsNarrowed(daemon_set)) keys.insert(LiftedTaint(At(daemon_set, {"spec", "template"})));
  }
  keys.erase("");
  return keys;
}

std::string NobodyLifts(const std::string& key) {
  return absl::StrCat("nobody lifts taint ", key,
                      " from now on: take it out of kubelets' --register-with-taints, and off the "
                      "nodes that have it: kubectl taint nodes --all ",
                      key, "-");
}

absl::Status RemoveLiftObjects(const Kubectl& kubectl) {
  for (const std::vector<std::string>& step : RemovalSteps()) {
    RETURN_IF_ERROR(Remove(kubectl, step));
  }
  return absl::OkStatus();
}

absl::Status RemoveUnusedLiftObjects(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const json daemon_sets, PresentDaemonSets(kubectl));
  bool is_mounted = false;
  for (const json& daemon_set : daemon_sets) {
    if (LiftedTaint(At(daemon_set, {"spec", "template"})).empty()) continue;
    if (!IsNarrowed(daemon_set)) return absl::OkStatus();
    is_mounted = true;
  }
  return is_mounted ? Remove(kubectl, RemovalSteps().front()) : RemoveLiftObjects(kubectl);
}

}  // namespace lighter
