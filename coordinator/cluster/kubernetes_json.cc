#include "coordinator/cluster/kubernetes_json.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lighter {

using nlohmann::json;

const json& At(const json& object, std::initializer_list<const char*> path) {
  static const json null;
  const json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return null;
    const auto it = at->find(key);
    if (it == at->end()) return null;
    at = &*it;
  }
  return *at;
}

std::string Text(const json& object, std::initializer_list<const char*> path) {
  const json& value = At(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

absl::StatusOr<json> Items(const std::string& text, const std::string& what) {
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!At(parsed, {"items"}).is_array()) {
    return absl::InternalError(
        absl::StrCat("kubectl get ", what, ": the output is not a JSON list"));
  }
  // A copy would hold a large cluster's pods twice, and goes as deep as they are nested.
  return std::move(parsed["items"]);
}

bool HasTrueCondition(const json& object, const std::string& type) {
  for (const json& condition : At(object, {"status", "conditions"})) {
    if (Text(condition, {"type"}) == type) return Text(condition, {"status"}) == "True";
  }
  return false;
}

std::string WaitingReason(const json& pod) {
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const json& container : At(pod, {"status", list})) {
      const std::string reason = Text(container, {"state", "waiting", "reason"});
      if (reason.empty()) continue;
      const std::string message = Text(container, {"state", "waiting", "message"});
      return message.empty() ? reason : absl::StrCat(reason, ": ", message);
    }
  }
  return Text(pod, {"status", "reason"});
}

int GrpcPort(const json& pod) {
  for (const json& container : At(pod, {"spec", "containers"})) {
    for (const json& port : At(container, {"ports"})) {
      const json& number = At(port, {"containerPort"});
      if (Text(port, {"name"}) == "grpc" && number.is_number_integer()) return number.get<int>();
    }
  }
  return kAgentPort;
}

std::string HostPort(const std::string& host, int port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

std::string LiftedTaint(const json& pod) {
  for (const json& container : At(pod, {"spec", "containers"})) {
    if (Text(container, {"name"}) != kLiftContainer) continue;
    for (const json& word : At(container, {"args"})) {
      const std::string text = word.is_string() ? word.get<std::string>() : "";
      if (absl::StartsWith(text, kLiftKeyFlag)) return text.substr(sizeof(kLiftKeyFlag) - 1);
    }
  }
  return "";
}

}  // namespace lighter
