#include "common/json_fields.h"

#include "absl/strings/str_cat.h"

namespace lighter {

using nlohmann::json;

absl::StatusOr<std::string> OptionalString(const json& object, const std::string& key,
                                           const std::string& what) {
  const json* value = FindJson(object, key);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", key, " is not a string"));
  }
  return value->get<std::string>();
}

absl::StatusOr<json> OptionalList(const json& object, const std::string& key,
                                  const std::string& what) {
  if (!object.is_object()) return absl::InvalidArgumentError(what + ": not an object");
  const json* value = FindJson(object, key);
  if (value == nullptr || value->is_null()) return json::array();
  if (!value->is_array()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", key, " is not a list"));
  }
  return *value;
}

absl::StatusOr<std::vector<std::string>> StringList(const json* value, const std::string& what) {
  std::vector<std::string> list;
  if (value == nullptr || value->is_null()) return list;
  if (!value->is_array()) return absl::InvalidArgumentError(what + ": not a list");
  for (const json& item : *value) {
    if (!item.is_string()) return absl::InvalidArgumentError(what + ": not a list of strings");
    list.push_back(item.get<std::string>());
  }
  return list;
}

}  // namespace lighter
