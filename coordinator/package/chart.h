// The chart inside a bundle: what Chart.yaml says of it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lighter {

struct ChartMetadata {
  std::string name;
  std::string version;      // as written, e.g. "1.10", "v0.9.0"
  std::string app_version;  // may be empty
};

// Parses a Chart.yaml. InvalidArgument ("what: ...") for damaged YAML and for a missing name or
// version.
absl::StatusOr<ChartMetadata> ParseChartYaml(std::string_view yaml, const std::string& what);

}  // namespace lighter
