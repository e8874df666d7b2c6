#include "common/json.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr int kMaxDepth = 64;
constexpr uint64_t kMaxValues = 2'000'000;

// Counts brackets and commas outside strings, before memory is spent on them. What is not JSON is
// left to the parser.
absl::Status CheckBounds(std::string_view text, std::string_view what) {
  int depth = 0;
  uint64_t values = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == '[' || c == '{' || c == ',') ++values;
    if (depth > kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat(ToAbsl(what), ": JSON nested deeper than ", kMaxDepth, " levels"));
    }
    if (values > kMaxValues) {
      return absl::ResourceExhaustedError(
          absl::StrCat(ToAbsl(what), ": JSON with more than ", kMaxValues, " values"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view what) {
  RETURN_IF_ERROR(CheckBounds(text, what));
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(what), ": not valid JSON"));
  }
  return value;
}

const nlohmann::json* FindJson(const nlohmann::json& object, const std::string& key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

}  // namespace lighter
