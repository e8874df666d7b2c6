#include "coordinator/install/lift_taint.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kHeldVolume[] = "held";
constexpr char kHeldMount[] = "/lighter/held";
constexpr char kHeldFile[] = "/lighter/held/list";
constexpr char kAccountVolume[] = "account";
constexpr char kAccountMount[] = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr char kLiftRunVolume[] = "lift-run";
constexpr int kTokenSeconds = 3600;
// Nobody's user: it writes only into an emptyDir of its own.
constexpr int kUser = 65532;

// As Kubernetes checks qualified names:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
constexpr size_t kMaxNameBytes = 63;
constexpr size_t kMaxPrefixBytes = 253;

bool IsWord(absl::string_view text, absl::string_view inside) {
  return !text.empty() && absl::ascii_isalnum(text.front()) && absl::ascii_isalnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return absl::ascii_isalnum(c) || absl::StrContains(inside, absl::string_view(&c, 1));
         });
}

bool IsDomain(absl::string_view text) {
  const std::vector<absl::string_view> labels = absl::StrSplit(text, '.');
  return text.size() <= kMaxPrefixBytes &&
         std::none_of(text.begin(), text.end(), absl::ascii_isupper) &&
         std::all_of(labels.begin(), labels.end(),
                     [](absl::string_view label) { return IsWord(label, "-"); });
}

json ClusterObject(const char* api_version, const char* kind) {
  json object = AgentObject(api_version, kind, kLiftName);
  object["metadata"].erase("namespace");
  return object;
}

std::string Quoted(const std::string& text) { return absl::StrCat("'", text, "'"); }

// CEL: all fields of object.PART and oldObject.PART but those named are the same, whichever a later
// Kubernetes may have. dyn(), as the fields of a typed object cannot be gone through.
std::string SameBut(const char* part, const std::vector<std::string>& fields) {
  const std::string now = absl::StrCat("dyn(object.", part, ")");
  const std::string was = absl::StrCat("dyn(oldObject.", part, ")");
  std::vector<std::string> quoted;
  for (const std::string& field : fields) quoted.push_back(Quoted(field));
  const std::string free = absl::StrCat("f in [", absl::StrJoin(quoted, ", "), "]");
  return absl::StrCat(now, ".all(f, ", free, " || (f in ", was, " && ", now, "[f] == ", was,
                      "[f])) && ", was, ".all(f, ", free, " || f in ", now, ")");
}

json Policy(const std::string& key) {
  json policy = ClusterObject("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy");
  const std::string account =
      absl::StrCat("system:serviceaccount:", kAgentNamespace, ":", kLiftName);
  const auto rule = [](const std::string& expression, const std::string& message) {
    return json{{"expression", expression}, {"message", message}};
  };
  policy["spec"] = {
      {"failurePolicy", "Fail"},
      {"matchConstraints",
       {{"resourceRules", json::array({{{"apiGroups", json::array({""})},
                                        {"apiVersions", json::array({"*"})},
                                        {"operations", json::array({"*"})},
                                        {"resources", json::array({"nodes", "nodes/*"})}}})}}},
      {"matchConditions",
       json::array({{{"name", "lighter"},
                     {"expression", "request.userInfo.username == " + Quoted(account)}}})},
      {"validations",
       json::array(
           {rule("request.userInfo.?extra[?'authentication.kubernetes.io/node-name'].orValue([]) "
                 "== [request.name]",
                 "lighter lifts taints of the node on which the token's pod runs, and of no other"),
            rule(SameBut("metadata", {"managedFields", "resourceVersion", "generation"}),
                 "lighter changes a node's taints and nothing of its metadata"),
            rule(SameBut("spec", {"taints"}), "lighter changes nothing of a node but its taints"),
            rule(absl::StrCat("object.spec.?taints.orValue([]) == oldObject.spec.?taints.orValue("
                              "[]).filter(t, t.key != ",
                              Quoted(key), ")"),
                 absl::StrCat("lighter takes taint ", key, " off and changes no other"))})}};
  return policy;
}

json PolicyBinding() {
  json binding =
      ClusterObject("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding");
  binding["spec"] = {{"policyName", kLiftName}, {"validationActions", json::array({"Deny"})}};
  return binding;
}

json Role() {
  json role = ClusterObject("rbac.authorization.k8s.io/v1", "ClusterRole");
  role["rules"] = json::array({{{"apiGroups", json::array({""})},
                                {"resources", json::array({"nodes"})},
                                {"verbs", {"get", "patch"}}}});
  return role;
}

json RoleBinding() {
  json binding = ClusterObject("rbac.authorization.k8s.io/v1", "ClusterRoleBinding");
  binding["roleRef"] = {
      {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", kLiftName}};
  binding["subjects"] = json::array(
      {{{"kind", "ServiceAccount"}, {"name", kLiftName}, {"namespace", kAgentNamespace}}});
  return binding;
}

json Account() {
  json account = AgentObject("v1", "ServiceAccount", kLiftName);
  account["automountServiceAccountToken"] = false;
  return account;
}

json Volumes() {
  const json token = {
      {"serviceAccountToken", {{"path", "token"}, {"expirationSeconds", kTokenSeconds}}}};
  // The cluster puts it into every namespace.
  const json authority = {{"configMap",
                           {{"name", "kube-root-ca.crt"},
                            {"items", json::array({{{"key", "ca.crt"}, {"path", "ca.crt"}}})}}}};
  return json::array(
      {{{"name", kHeldVolume}, {"emptyDir", json::object()}},
       {{"name", kLiftRunVolume}, {"emptyDir", json::object()}},
       {{"name", kAccountVolume},
        {"projected", {{"sources", json::array({token, authority})}, {"defaultMode", 0444}}}}});
}

json SecurityContext() {
  return {{"runAsUser", kUser},
          {"runAsGroup", kUser},
          {"runAsNonRoot", true},
          {"privileged", false},
          {"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", json::array({"ALL"})}}},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

// The agent's mounts for its first stage; the folder that the program is written to is another, or
// who breaks into this container could put another program in the agent's place.
json Mounts(const json& agent) {
  json mounts = json::array();
  for (json mount : agent.at("volumeMounts")) {
    const std::string name = Text(mount, {"name"});
    if (name == kRunVolume) mount["name"] = kLiftRunVolume;
    if (name == kRunVolume || name == kBootVolume || name == kChunksVolume) {
      mounts.push_back(std::move(mount));
    }
  }
  mounts.push_back({{"name", kHeldVolume}, {"mountPath", kHeldMount}, {"readOnly", true}});
  mounts.push_back({{"name", kAccountVolume}, {"mountPath", kAccountMount}, {"readOnly", true}});
  return mounts;
}

}  // namespace

absl::Status CheckTaintKey(const std::string& key) {
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  const std::string& name = parts.back();
  if (parts.size() > 2 || name.size() > kMaxNameBytes || !IsWord(name, "-_.") ||
      (parts.size() == 2 && !IsDomain(parts[0]))) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", key, "\" is no key of a taint, like example.com/images-missing"));
  }
  const std::string domain = parts.size() == 2 ? "." + parts[0] : "";
  if (absl::EndsWith(domain, ".kubernetes.io") || absl::EndsWith(domain, ".k8s.io")) {
    return absl::InvalidArgumentError(
        absl::StrCat("taints of ", parts[0],
                     " are Kubernetes' own; choose a key of yours, like "
                     "example.com/images-missing"));
  }
  return absl::OkStatus();
}

LiftObjects MakeLiftObjects(const std::string& key) {
  return {.limits = {Role(), Account(), Policy(key), PolicyBinding()}, .grant = RoleBinding()};
}

void AddLiftContainer(const std::string& key, json& pod) {
  json& agent = pod["containers"][0];
  json container = {
      {"name", kLiftContainer},
      {"image", agent["image"]},
      {"imagePullPolicy", agent["imagePullPolicy"]},
      {"command", agent["command"]},
      {"args", {kLiftContainer, kLiftKeyFlag + key, absl::StrCat("--held-file=", kHeldFile)}},
      {"env", json::array({agent["env"][0]})},
      {"securityContext", SecurityContext()},
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
      {"resources",
       {{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}}, {"limits", {{"memory", "256Mi"}}}}},
      {"volumeMounts", Mounts(agent)}};
  agent["args"].push_back(absl::StrCat("--held-file=", kHeldFile));
  agent["volumeMounts"].push_back({{"name", kHeldVolume}, {"mountPath", kHeldMount}});
  pod["serviceAccountName"] = kLiftName;
  pod["containers"].push_back(std::move(container));
  const json volumes = Volumes();
  pod["volumes"].insert(pod["volumes"].end(), volumes.begin(), volumes.end());
}

}  // namespace lighter
