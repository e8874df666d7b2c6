#include "coordinator/install/lift_objects.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/lift_taint.h"
#include "coordinator/install/manifests.h"
#include "coordinator/install/needed_rights.h"
#include "coordinator/install/rights.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kResources[] = "/apis/admissionregistration.k8s.io/v1";

std::string Named(const char* kind) { return absl::StrCat(kind, "/", kLiftName); }

std::string Role() { return Named("clusterroles.rbac.authorization.k8s.io"); }

// The cluster role last: while it is there, the others may be (LiftObjects).
std::vector<std::string> Removable() {
  return {Named("clusterrolebindings.rbac.authorization.k8s.io"), Named("serviceaccounts"),
          Named("validatingadmissionpolicybindings.admissionregistration.k8s.io"),
          Named("validatingadmissionpolicies.admissionregistration.k8s.io"), Role()};
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
  return found.empty() ? std::vector<std::string>() : Removable();
}

absl::StatusOr<bool> FindLiftObjects(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::vector<std::string> present, PresentLiftObjects(kubectl));
  if (present.empty()) return false;
  RETURN_IF_ERROR(CheckRights(kubectl, UnliftRights()));
  return true;
}

absl::Status RemoveLiftObjects(const Kubectl& kubectl) {
  std::vector<std::string> args = {"delete", "-n", kAgentNamespace, "--ignore-not-found",
                                   "--wait=false"};
  const std::vector<std::string> objects = Removable();
  args.insert(args.end(), objects.begin(), objects.end());
  return kubectl.Run(args).status();
}

}  // namespace lighter
