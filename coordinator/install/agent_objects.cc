#include "coordinator/install/agent_objects.h"

#include "absl/strings/str_split.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kFieldManager[] = "--field-manager=lighter";

}  // namespace

absl::StatusOr<std::set<std::string>> PresentObjects(const Kubectl& kubectl,
                                                     const std::string& kind) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", kind, "-n", kAgentNamespace, "-l", kAgentSelector, "-o",
                                "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}"}));
  const std::vector<std::string> names = absl::StrSplit(out, '\n', absl::SkipEmpty());
  return std::set<std::string>(names.begin(), names.end());
}

absl::StatusOr<json> PresentDaemonSets(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out, kubectl.Run({"get", "daemonsets", "-n", kAgentNamespace,
                                                       "-l", kAgentSelector, "-o", "json"}));
  return Items(out, "daemonsets");
}

absl::StatusOr<std::set<std::string>> MountedConfigMaps(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const json items, PresentDaemonSets(kubectl));
  std::set<std::string> names;
  for (const json& item : items) {
    for (const json& volume : At(item, {"spec", "template", "spec", "volumes"})) {
      names.insert(Text(volume, {"configMap", "name"}));
      for (const json& source : At(volume, {"projected", "sources"})) {
        names.insert(Text(source, {"configMap", "name"}));
      }
    }
  }
  return names;
}

absl::Status ApplyObjects(const Kubectl& kubectl, std::vector<json> objects) {
  if (objects.empty()) return absl::OkStatus();
  // Server-side: a client-side apply keeps a second copy of each object in an annotation, which
  // chunks of 768 KiB do not fit.
  return kubectl
      .Run({"apply", "--server-side", "--force-conflicts", kFieldManager, "-f", "-"},
           {.input = ObjectList(std::move(objects)).dump()})
      .status();
}

absl::Status DeleteObjects(const Kubectl& kubectl, const std::string& kind,
                           const std::set<std::string>& names) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> args = {"delete",        kind,           "-n",
                                   kAgentNamespace, "--wait=false", "--ignore-not-found"};
  args.insert(args.end(), names.begin(), names.end());
  return kubectl.Run(args).status();
}

absl::StatusOr<NamespaceState> FindNamespace(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string found, kubectl.Run({"get", "namespace", kAgentNamespace,
                                                         "--ignore-not-found", "-o", "json"}));
  const json object = json::parse(found, nullptr, /*allow_exceptions=*/false);
  NamespaceState state;
  state.exists = object.is_object();
  state.ours = Text(object, {"metadata", "labels", "app.kubernetes.io/managed-by"}) == "lighter";
  state.going = !Text(object, {"metadata", "deletionTimestamp"}).empty();
  return state;
}

}  // namespace lighter
