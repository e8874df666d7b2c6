#include "coordinator/cluster/pod_templates.h"

#include <map>

#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {

using nlohmann::json;

namespace {

// The kind and version that owns the pods of a workload: a Deployment's belong to a ReplicaSet.
struct PodOwner {
  const char* api_version;
  const char* kind;
};

const std::map<std::string, PodOwner>& PodOwners() {
  static const auto* owners = new std::map<std::string, PodOwner>{
      {"CronJob", {"batch/v1", "Job"}},
      {"DaemonSet", {"apps/v1", "DaemonSet"}},
      {"Deployment", {"apps/v1", "ReplicaSet"}},
      {"Job", {"batch/v1", "Job"}},
      {"ReplicaSet", {"apps/v1", "ReplicaSet"}},
      {"ReplicationController", {"v1", "ReplicationController"}},
      {"StatefulSet", {"apps/v1", "StatefulSet"}},
  };
  return *owners;
}

json Owner(const PodOwner& owner, const std::string& name) {
  // The API server does not look it up; it only wants a UID.
  return {{"apiVersion", owner.api_version},
          {"kind", owner.kind},
          {"name", name},
          {"uid", "00000000-0000-0000-0000-000000000001"},
          {"controller", true}};
}

// The claims that the StatefulSet controller makes, as volumes: without them the pod is not valid.
void AddClaims(const json& workload, json& spec) {
  const json& claims = At(workload, {"spec", "volumeClaimTemplates"});
  if (!claims.is_array() || claims.empty()) return;
  json& volumes = spec["volumes"];
  if (!volumes.is_array()) volumes = json::array();
  for (const json& claim : claims) {
    const std::string name = Text(claim, {"metadata", "name"});
    volumes.push_back({{"name", name}, {"persistentVolumeClaim", {{"claimName", name}}}});
  }
}

}  // namespace

std::optional<TemplatePod> PodOfTemplate(const json& workload) {
  const std::string kind = Text(workload, {"kind"});
  const std::string name = Text(workload, {"metadata", "name"});
  TemplatePod result{.owner = kind + "/" + name, .pod = {}};
  const bool is_pod = kind == "Pod";
  const auto owner = PodOwners().find(kind);
  if (!is_pod && owner == PodOwners().end()) return std::nullopt;
  const json& made_of = is_pod ? workload
                        : kind == "CronJob"
                            ? At(workload, {"spec", "jobTemplate", "spec", "template"})
                            : At(workload, {"spec", "template"});
  const json& spec = At(made_of, {"spec"});
  if (!spec.is_object()) return std::nullopt;

  json metadata = json::object();
  for (const char* key : {"labels", "annotations"}) {
    if (const json& value = At(made_of, {"metadata", key}); value.is_object()) {
      metadata[key] = value;
    }
  }
  if (!is_pod) metadata["ownerReferences"] = json::array({Owner(owner->second, name)});
  result.pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata}, {"spec", spec}};
  if (kind == "StatefulSet") AddClaims(workload, result.pod["spec"]);
  return result;
}

}  // namespace lighter
