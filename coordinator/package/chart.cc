#include "coordinator/package/chart.h"

#include <yaml-cpp/yaml.h>

#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

// The scalar's text, so that a version such as 1.10 keeps its zero; empty where missing or null.
std::string Text(const YAML::Node& chart, const char* key) {
  const YAML::Node value = chart[key];
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

}  // namespace

absl::StatusOr<ChartMetadata> ParseChartYaml(std::string_view yaml, const std::string& what) {
  ChartMetadata metadata;
  try {
    const YAML::Node chart = YAML::Load(std::string(yaml));
    if (!chart.IsMap()) return absl::InvalidArgumentError(what + ": not a YAML mapping");
    metadata = {Text(chart, "name"), Text(chart, "version"), Text(chart, "appVersion")};
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", e.what()));
  }
  if (metadata.name.empty()) return absl::InvalidArgumentError(what + ": has no name");
  if (metadata.version.empty()) return absl::InvalidArgumentError(what + ": has no version");
  return metadata;
}

}  // namespace lighter
