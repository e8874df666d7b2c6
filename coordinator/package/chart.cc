#include "coordinator/package/chart.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

// The scalar's text, so that a version such as 1.10 keeps its zero; empty where missing or null.
std::string Text(const YAML::Node& chart, const char* key) {
  const YAML::Node value = chart[key];
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

// Names become folders, and both are shown: what Helm allows in a chart name and in SemVer, no
// more.
bool IsPlain(const std::string& text, std::string_view more) {
  constexpr size_t kMaxLength = 250;
  if (text.size() > kMaxLength || text.starts_with('.')) return false;
  return std::all_of(text.begin(), text.end(), [more](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

absl::Status CheckPlain(const std::string& text, std::string_view more, const std::string& what) {
  if (IsPlain(text, more)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " \"", absl::CHexEscape(text.substr(0, 100)),
                   "\" has characters that a chart cannot have there"));
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
  RETURN_IF_ERROR(CheckPlain(metadata.name, "-._", what + ": name"));
  RETURN_IF_ERROR(CheckPlain(metadata.version, "-._+", what + ": version"));
  metadata.app_version = absl::CHexEscape(metadata.app_version);  // free text, only ever shown
  return metadata;
}

}  // namespace lighter
