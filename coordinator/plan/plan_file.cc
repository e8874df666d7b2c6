#include "coordinator/plan/plan_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "common/version.h"
#include "coordinator/plan/describe.h"
#include "coordinator/plan/values_files.h"

namespace lighter {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr char kKind[] = "ApprovedPlan";
constexpr uint64_t kMaxPlanFileBytes = 256 * kMiB;
constexpr std::array<std::string_view, 5> kValueFlags = {"-f", "--set", "--set-string",
                                                         "--set-file", "--set-json"};

std::string Absolute(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path absolute = std::filesystem::absolute(path, ignored);
  return absolute.lexically_normal().string();
}

// A chart's file or folder from anywhere; another reference as it is.
std::string ChartReference(const std::string& reference) {
  std::error_code ignored;
  return std::filesystem::exists(reference, ignored) ? Absolute(reference) : reference;
}

// The members of a plan file, with types checked. The first that is wrong is the error.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  void Read(const char* key, std::string& out) {
    const json* value = FindJson(object_, key);
    if (value == nullptr || !value->is_string()) return Fail(key);
    out = value->get<std::string>();
  }

  void Read(const char* key, bool& out) {
    const json* value = FindJson(object_, key);
    if (value == nullptr || !value->is_boolean()) return Fail(key);
    out = value->get<bool>();
  }

  void Read(const char* key, std::vector<std::string>& out) {
    const json* value = FindJson(object_, key);
    const auto is_text = [](const json& item) { return item.is_string(); };
    if (value == nullptr || !value->is_array() ||
        !std::all_of(value->begin(), value->end(), is_text))
      return Fail(key);
    out = value->get<std::vector<std::string>>();
  }

  void Read(const char* key, PlanFacts& out) {
    const json* value = FindJson(object_, key);
    const auto is_text = [](const json& item) { return item.is_string(); };
    if (value == nullptr || !value->is_object() || value->empty() ||
        !std::all_of(value->begin(), value->end(), is_text))
      return Fail(key);
    out = value->get<PlanFacts>();
  }

  const absl::Status& status() const { return status_; }

 private:
  void Fail(const char* key) {
    status_.Update(absl::InvalidArgumentError(absl::StrCat("\"", key, "\" is missing or wrong")));
  }

  const json& object_;
  absl::Status status_;
};

// They go onto helm's command line.
absl::Status CheckValueArgs(const ValueArgs& args) {
  for (size_t i = 0; i < args.size(); i += 2) {
    const bool is_known =
        std::find(kValueFlags.begin(), kValueFlags.end(), args[i]) != kValueFlags.end();
    if (!is_known || i + 1 == args.size()) {
      return absl::InvalidArgumentError("\"values\" is no list of helm's value flags");
    }
  }
  return absl::OkStatus();
}

absl::Status Parse(const std::string& text, const std::string& path, PlanOptions& options) {
  ASSIGN_OR_RETURN(const json document, ParseJson(text, path));
  Reader head(document);
  std::string version;
  std::string kind;
  PlanFacts facts;
  head.Read("apiVersion", version);
  head.Read("kind", kind);
  if (!head.status().ok() || version != kJsonApiVersion || kind != kKind) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": no plan of `lighter plan --out` that this lighter can read"));
  }
  head.Read("facts", facts);
  RETURN_IF_ERROR(Annotate(head.status(), path));
  const json* request = FindJson(document, "request");
  Reader reader(request == nullptr ? document : *request);
  std::string package;
  ReleaseQuery& query = options.query;
  reader.Read("package", package);
  reader.Read("release", query.release);
  reader.Read("namespace", query.ns);
  reader.Read("values", query.values);
  reader.Read("registry", query.relocation.registry);
  reader.Read("repository", query.relocation.repository);
  reader.Read("prefixRegistry", query.relocation.prefix_registry);
  reader.Read("prefixRepository", query.relocation.prefix_repository);
  reader.Read("appendOriginRegistry", query.relocation.append_origin_registry);
  reader.Read("install", query.install);
  reader.Read("allowMissing", query.allow_missing);
  reader.Read("allowRegistries", query.allow_registries);
  reader.Read("allowDenied", options.allow_denied);
  reader.Read("allowPull", options.allow_pull);
  reader.Read("place", options.place);
  reader.Read("order", query.order);
  reader.Read("applyCrds", query.apply_crds);
  reader.Read("version", options.chart_version);
  reader.Read("chart", options.chart.reference);
  reader.Read("chartRepo", options.chart.repo);
  reader.Read("chartCaFile", options.chart.ca_file);
  reader.Read("chartPlainHttp", options.chart.plain_http);
  std::string allow_unproven;
  reader.Read("allowUnproven", allow_unproven);
  RETURN_IF_ERROR(Annotate(reader.status(), path));
  RETURN_IF_ERROR(Annotate(CheckValueArgs(query.values), path));
  options.chart.version = options.chart_version;
  if (!allow_unproven.empty()) {
    absl::StatusOr<UnprovenAllowance> allowed = UnprovenAllowance::Parse(allow_unproven);
    RETURN_IF_ERROR(Annotate(allowed.status(), path));
    options.allow_unproven = *std::move(allowed);
  }
  if (options.package.empty()) options.package = package;
  options.approved = ApprovedPlan{path, std::move(facts)};
  return absl::OkStatus();
}

}  // namespace

absl::Status WritePlanFile(const std::string& path, const PlanOptions& options,
                           const PlanMaker& maker, const Plan& plan) {
  const ReleaseQuery& query = options.query;
  ASSIGN_OR_RETURN(
      const ValueArgs values,
      MapValuesFiles(query.values, [](const std::string& file) -> absl::StatusOr<std::string> {
        return Absolute(file);
      }));
  ASSIGN_OR_RETURN(const PlanFacts facts, maker.Facts(plan));
  const ordered_json document = {
      {"apiVersion", kJsonApiVersion},
      {"kind", kKind},
      {"lighterVersion", kVersion},
      {"createdAt", absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone())},
      {"request",
       {{"package", Absolute(options.package)},
        {"release", query.release},
        {"namespace", query.ns},
        {"values", values},
        {"registry", query.relocation.registry},
        {"repository", query.relocation.repository},
        {"prefixRegistry", query.relocation.prefix_registry},
        {"prefixRepository", query.relocation.prefix_repository},
        {"appendOriginRegistry", query.relocation.append_origin_registry},
        {"install", query.install},
        {"allowMissing", query.allow_missing},
        {"allowRegistries", query.allow_registries},
        {"allowDenied", options.allow_denied},
        {"allowPull", options.allow_pull},
        {"place", options.place},
        {"order", query.order},
        {"applyCrds", query.apply_crds},
        {"version", options.chart_version},
        {"chart", ChartReference(options.chart.reference)},
        {"chartRepo", options.chart.repo},
        {"chartCaFile", options.chart.ca_file.empty() ? "" : Absolute(options.chart.ca_file)},
        {"chartPlainHttp", options.chart.plain_http},
        {"allowUnproven", options.allow_unproven.text()}}},
      {"facts", facts},
      {"plan", PlanToJson(plan)}};
  return WriteFileAtomic(path, JsonText(document), 0600);
}

absl::Status ReadPlanFile(const std::string& path, PlanOptions& options) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxPlanFileBytes);
  if (!text.ok()) return UsageError(text.status());
  return UsageError(Parse(*text, path, options));
}

}  // namespace lighter
