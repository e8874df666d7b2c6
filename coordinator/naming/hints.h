// hints.yaml: path templates over chart values that say which values make up each image name.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

// One line of hints.yaml, e.g. "{{ .image.registry }}/{{ .image.repository }}:{{ .image.tag }}".
// Not a Go template: only paths into values (relok8s' own look-up), literal text in between.
class Hint {
 public:
  static absl::StatusOr<Hint> Parse(std::string_view text);

  // The image name for these values (Helm's merged values as JSON). NotFound names the path that is
  // missing or null; InvalidArgument the one that is no scalar.
  absl::StatusOr<std::string> Evaluate(const nlohmann::json& values) const;

  const std::string& text() const { return text_; }

 private:
  struct Part {
    std::string literal;            // used when path is empty
    std::vector<std::string> path;  // keys from the root of values
  };
  std::string text_;
  std::vector<Part> parts_;
};

// All hints of a hints.yaml (a YAML list of strings; empty file: no hints). `what` names it in
// errors.
absl::StatusOr<std::vector<Hint>> ParseHints(std::string_view yaml, const std::string& what);

}  // namespace lighter
