#include "coordinator/cluster/admitted_pulls.h"

#include "absl/strings/match.h"
#include "common/json.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {

using nlohmann::json;

namespace {

// One that the strictest Pod Security level admits.
json Probe() {
  const json security = {{"allowPrivilegeEscalation", false},
                         {"runAsNonRoot", true},
                         {"capabilities", {{"drop", {"ALL"}}}},
                         {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  const json container = {{"name", "probe"},
                          {"image", "registry.k8s.io/pause:3.10"},
                          {"imagePullPolicy", "IfNotPresent"},
                          {"securityContext", security}};
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"generateName", "lighter-probe-"}}},
          {"spec", {{"containers", json::array({container})}}}};
}

}  // namespace

bool AdmissionMakesPodsPull(const Kubectl& kubectl, const std::string& ns) {
  const auto admit = [&](const std::string& where) {
    return kubectl.Run({"create", "--dry-run=server", "-n", where, "-f", "-", "-o", "json"},
                       {.input = Probe().dump()});
  };
  absl::StatusOr<std::string> pod = admit(ns);
  if (absl::StrContains(Message(pod.status()), "not found")) pod = admit("default");
  return pod.ok() && PullsAlways(*pod);
}

bool PullsAlways(const std::string& pod_json) {
  const absl::StatusOr<json> pod = ParseJson(pod_json, "a pod");
  if (!pod.ok()) return false;
  for (const json& container : At(*pod, {"spec", "containers"})) {
    if (Text(container, {"imagePullPolicy"}) == "Always") return true;
  }
  return false;
}

}  // namespace lighter
