#include "coordinator/desired/desired_map.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/desired.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"
#include "coordinator/install/manifests.h"

namespace lighter {
namespace {

using nlohmann::json;

absl::StatusOr<v1::Desired> ReadList(const json& config_map, const Authority& authority) {
  std::string bytes;
  v1::SignedDesired list;
  if (!absl::Base64Unescape(Text(config_map, {"binaryData", kDesiredKey}), &bytes) ||
      bytes.empty() || !list.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("it cannot be read");
  }
  return VerifyDesired(list, authority.certificate);
}

// Somebody made, changed or deleted the ConfigMap after it was read.
bool IsConflict(const absl::Status& status) {
  const std::string reason = ServerReason(status);
  return absl::IsAborted(status) &&
         (reason == "Conflict" || reason == "AlreadyExists" || reason == "NotFound");
}

}  // namespace

DesiredMap ParseDesiredMap(const std::string& config_map, const Authority& authority) {
  DesiredMap map;
  if (absl::StripAsciiWhitespace(config_map).empty()) return map;
  const json object = json::parse(config_map, nullptr, /*allow_exceptions=*/false);
  map.resource_version = Text(object, {"metadata", "resourceVersion"});
  absl::StatusOr<v1::Desired> list = ReadList(object, authority);
  if (list.ok()) {
    map.list = *std::move(list);
  } else {
    map.problem = Message(list.status());
  }
  return map;
}

std::map<std::string, const v1::DesiredImage*> HeldImages(const v1::Desired& list) {
  std::map<std::string, const v1::DesiredImage*> held;
  const auto add = [&held](const auto& images) {
    for (const v1::DesiredImage& image : images) {
      for (const std::string& name : image.names()) held.emplace(name, &image);
    }
  };
  for (const v1::DesiredRelease& entry : list.releases()) add(entry.images());
  for (const v1::DesiredRelease& entry : list.releases()) add(entry.previous_images());
  return held;
}

std::set<std::string> HeldNames(const v1::Desired& list) {
  std::set<std::string> held;
  for (const auto& [text, image] : HeldImages(list)) {
    held.insert(text);
    const absl::StatusOr<Reference> name = Reference::Parse(text);
    if (name.ok()) held.insert(absl::StrCat(name->name(), "@", image->manifest_digest()));
  }
  return held;
}

absl::StatusOr<DesiredMap> ReadDesiredMap(const Kubectl& kubectl, const Authority& authority) {
  ASSIGN_OR_RETURN(const std::string out,
                   kubectl.Run({"get", "configmap", kDesiredConfigMap, "-n", kAgentNamespace,
                                "--ignore-not-found", "-o", "json"}));
  return ParseDesiredMap(out, authority);
}

absl::Status WriteDesiredMap(const Kubectl& kubectl, const v1::SignedDesired& list,
                             const std::string& resource_version) {
  json object = AgentObject("v1", "ConfigMap", kDesiredConfigMap);
  object["binaryData"] = {{kDesiredKey, absl::Base64Escape(list.SerializeAsString())}};
  if (!resource_version.empty()) object["metadata"]["resourceVersion"] = resource_version;
  const char* verb = resource_version.empty() ? "create" : "replace";
  const absl::Status status = kubectl.Run({verb, "-f", "-"}, {.input = object.dump()}).status();
  if (!absl::IsAborted(status) || IsConflict(status)) return status;
  return absl::FailedPreconditionError(Message(status));
}

}  // namespace lighter
