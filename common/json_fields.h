// Fields of a document from outside: missing is fine, another type is InvalidArgument.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/json.h"

namespace lighter {

// object[key]; "" where it is missing or null.
absl::StatusOr<std::string> OptionalString(const nlohmann::json& object, const std::string& key,
                                           const std::string& what);

// object[key]; an empty list where it is missing or null. InvalidArgument also where `object` is
// none.
absl::StatusOr<nlohmann::json> OptionalList(const nlohmann::json& object, const std::string& key,
                                            const std::string& what);

// A list of strings; empty where `value` is nullptr or null.
absl::StatusOr<std::vector<std::string>> StringList(const nlohmann::json* value,
                                                    const std::string& what);

}  // namespace lighter
