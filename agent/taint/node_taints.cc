#include "agent/taint/node_taints.h"

#include <nlohmann/json.hpp>

#include "common/json.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kTaints[] = "/spec/taints";

bool Has(const json& object, const char* field, const std::string& text) {
  const json* const value = FindJson(object, field);
  return value != nullptr && value->is_string() && value->get_ref<const std::string&>() == text;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> PatchWithoutTaint(const std::string& node_json,
                                                             const std::string& key) {
  ASSIGN_OR_RETURN(const json node, ParseJson(node_json, "the API server's answer"));
  const json* const spec = FindJson(node, "spec");
  if (!Has(node, "kind", "Node") || spec == nullptr) {
    return absl::InvalidArgumentError("the API server's answer is no Node");
  }
  const json* const taints = FindJson(*spec, "taints");
  if (taints == nullptr || !taints->is_array()) return std::nullopt;
  json left = json::array();
  for (const json& taint : *taints) {
    if (!Has(taint, "key", key)) left.push_back(taint);
  }
  if (left.size() == taints->size()) return std::nullopt;
  json patch = json::array();
  patch.push_back({{"op", "test"}, {"path", kTaints}, {"value", *taints}});
  if (left.empty()) {
    patch.push_back({{"op", "remove"}, {"path", kTaints}});
  } else {
    patch.push_back({{"op", "replace"}, {"path", kTaints}, {"value", left}});
  }
  return patch.dump();
}

}  // namespace lighter
