#include "coordinator/helm/values_probe.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

constexpr char kKey[] = "lighterValues: ";
// Base64: whatever the values hold, the document stays one short YAML mapping for Helm's parser.
constexpr char kTemplate[] = "lighterValues: {{ toJson .Values | b64enc }}\n";

// Templates, CRDs and schemas say nothing about how values merge, and may fail on defaults.
bool IsLeftOut(const fs::path& relative, bool with_crds) {
  for (const fs::path& part : relative) {
    if (part == "templates" || (part == "crds" && !with_crds)) return true;
  }
  return relative.filename() == "values.schema.json";
}

// Of Chart.yaml, or of requirements.yaml in charts of apiVersion v1.
bool ListsDependencies(const fs::path& file) {
  return file.filename() == "Chart.yaml" || file.filename() == "requirements.yaml";
}

// Without what would switch dependencies off. One that cannot be read stays: Helm says why.
absl::Status DropConditions(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxChartFileBytes));
  try {
    YAML::Node chart = YAML::Load(text);
    if (!chart.IsMap() || !chart["dependencies"].IsSequence()) return absl::OkStatus();
    for (YAML::Node dependency : chart["dependencies"]) {
      if (!dependency.IsMap()) continue;
      dependency.remove("condition");
      dependency.remove("tags");
    }
    return WriteFileAtomic(path, YAML::Dump(chart) + "\n", 0600);
  } catch (const YAML::Exception&) {
    return absl::OkStatus();
  }
}

}  // namespace

absl::Status MakeValuesProbe(const std::string& chart_dir, const std::string& probe_dir,
                             Dependencies dependencies, bool with_crds) {
  std::error_code error;
  fs::remove_all(probe_dir, error);
  fs::create_directories(fs::path(probe_dir) / "templates", error);
  if (error) return ErrnoStatus(error.value(), "create " + probe_dir);
  auto it = fs::recursive_directory_iterator(chart_dir, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path relative = it->path().lexically_relative(chart_dir);
    if (!it->is_regular_file(error) || IsLeftOut(relative, with_crds)) continue;
    const fs::path target = fs::path(probe_dir) / relative;
    fs::create_directories(target.parent_path(), error);
    if (!error) fs::copy_file(it->path(), target, error);
    if (error) break;
    if (dependencies == Dependencies::kAll && ListsDependencies(relative)) {
      RETURN_IF_ERROR(DropConditions(target.string()));
    }
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("copy ", chart_dir, " to ", probe_dir));
  return WriteFileAtomic((fs::path(probe_dir) / "templates" / "values.yaml").string(), kTemplate,
                         0600);
}

std::string CrdsOfProbe(const std::string& rendered) {
  return rendered.substr(0, rendered.rfind("---\n# Source: "));
}

absl::StatusOr<nlohmann::json> ReadValuesProbe(const std::string& rendered) {
  for (absl::string_view line : absl::StrSplit(rendered, '\n')) {
    if (!absl::ConsumePrefix(&line, kKey)) continue;
    std::string text;
    if (!absl::Base64Unescape(absl::StripAsciiWhitespace(line), &text)) break;
    nlohmann::json values = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!values.is_object()) break;
    return values;
  }
  return absl::InternalError("helm template printed no values for the probe chart");
}

}  // namespace lighter
