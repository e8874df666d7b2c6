// JSON from outside: parsed within bounds and without exceptions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lighter {

// Parses a whole document. InvalidArgument ("what: ...") for anything that is not JSON or nests
// deeper than 64 levels; ResourceExhausted for more than two million values. `text` must be capped
// by the caller.
absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view what);

// object[key], or nullptr where `object` is no object or has no such key.
const nlohmann::json* FindJson(const nlohmann::json& object, const std::string& key);

}  // namespace lighter
