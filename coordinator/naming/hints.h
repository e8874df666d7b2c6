// hints.yaml: path templates over chart values that say which values make up each image name.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

// The value at a path of keys; null where a key is missing, its value null, or what should hold it
// no map.
const nlohmann::json* FindValue(const nlohmann::json& values, const std::vector<std::string>& path);

// One line of hints.yaml, e.g. "{{ .image.registry }}/{{ .image.repository }}:{{ .image.tag }}".
// Not a Go template: only paths into values (relok8s' own look-up), literal text in between.
class Hint {
 public:
  static absl::StatusOr<Hint> Parse(std::string_view text);

  // The image name for these values (Helm's merged values as JSON). NotFound names the path that is
  // missing or null; InvalidArgument the one that is no scalar.
  absl::StatusOr<std::string> Evaluate(const nlohmann::json& values) const;

  struct Part {
    std::string text;               // of a literal, or what the values have at `path`
    std::vector<std::string> path;  // keys from the root of values; empty for a literal
  };

  // What the image name is made of for these values, in order. Errors as Evaluate's.
  absl::StatusOr<std::vector<Part>> Resolve(const nlohmann::json& values) const;

  // Whether a path into values begins with that key.
  bool BeginsWith(const std::string& key) const;
  // The hint with `to` instead of that first key; its text stays, for messages.
  Hint WithRoot(const std::string& key, const std::string& to) const;

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<Part> parts_;
};

// All hints of a hints.yaml (a YAML list of strings; empty file: no hints). `what` names it in
// errors.
absl::StatusOr<std::vector<Hint>> ParseHints(std::string_view yaml, const std::string& what);

}  // namespace lighter
