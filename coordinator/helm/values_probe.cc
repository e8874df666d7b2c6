#include "coordinator/helm/values_probe.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

constexpr char kKey[] = "lighterValues: ";
// Base64: whatever the values hold, the document stays one short YAML mapping for Helm's parser.
constexpr char kTemplate[] = "lighterValues: {{ toJson .Values | b64enc }}\n";

// Templates, CRDs and schemas say nothing about how values merge, and may fail on defaults.
bool IsLeftOut(const fs::path& relative) {
  for (const fs::path& part : relative) {
    if (part == "templates" || part == "crds") return true;
  }
  return relative.filename() == "values.schema.json";
}

}  // namespace

absl::Status MakeValuesProbe(const std::string& chart_dir, const std::string& probe_dir) {
  std::error_code error;
  fs::remove_all(probe_dir, error);
  fs::create_directories(fs::path(probe_dir) / "templates", error);
  if (error) return ErrnoStatus(error.value(), "create " + probe_dir);
  auto it = fs::recursive_directory_iterator(chart_dir, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path relative = it->path().lexically_relative(chart_dir);
    if (!it->is_regular_file(error) || IsLeftOut(relative)) continue;
    const fs::path target = fs::path(probe_dir) / relative;
    fs::create_directories(target.parent_path(), error);
    if (!error) fs::copy_file(it->path(), target, error);
    if (error) break;
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("copy ", chart_dir, " to ", probe_dir));
  return WriteFileAtomic((fs::path(probe_dir) / "templates" / "values.yaml").string(), kTemplate,
                         0600);
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
