#include "coordinator/cluster/crds.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {
namespace {

using nlohmann::json;

constexpr char kKind[] = "customresourcedefinitions.apiextensions.k8s.io";

// By name. kubectl prints nothing, one object or a list.
absl::StatusOr<std::map<std::string, json>> CrdsByName(const std::string& text) {
  std::map<std::string, json> crds;
  if (absl::StripAsciiWhitespace(text).empty()) return crds;
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return absl::InternalError("kubectl: the CRDs are no JSON object");
  const json& items = At(parsed, {"items"});
  for (const json& object : items.is_array() ? items : json::array({parsed})) {
    if (Text(object, {"kind"}) != "CustomResourceDefinition") continue;
    crds[Text(object, {"metadata", "name"})] = object;
  }
  return crds;
}

std::string VersionsOf(const json& crd) {
  std::vector<std::string> served;
  const json& versions = At(crd, {"spec", "versions"});
  if (!versions.is_array()) return "";
  for (const json& version : versions) served.push_back(Text(version, {"name"}));
  return absl::StrJoin(served, ", ");
}

std::vector<std::string> ApplyCommand() {
  return {"apply", "--server-side", "--force-conflicts", "--field-manager=lighter", "-f", "-"};
}

absl::StatusOr<std::string> GetCrds(const Kubectl& kubectl, const std::vector<std::string>& names,
                                    const char* format) {
  std::vector<std::string> args = {"get", kKind};
  args.insert(args.end(), names.begin(), names.end());
  args.insert(args.end(), {"--ignore-not-found", "-o", format});
  return kubectl.Run(args);
}

}  // namespace

absl::StatusOr<std::vector<CrdDifference>> CompareCrdLists(const std::string& live,
                                                           const std::string& applied) {
  ASSIGN_OR_RETURN(const auto here, CrdsByName(live));
  ASSIGN_OR_RETURN(const auto wanted, CrdsByName(applied));
  std::vector<CrdDifference> differences;
  for (const auto& [name, crd] : wanted) {
    const auto it = here.find(name);
    const bool is_absent = it == here.end();
    if (!is_absent && At(it->second, {"spec"}) == At(crd, {"spec"})) continue;
    differences.push_back({.name = name,
                           .is_absent = is_absent,
                           .here = is_absent ? "" : VersionsOf(it->second),
                           .in_chart = VersionsOf(crd)});
  }
  return differences;
}

absl::StatusOr<std::vector<CrdDifference>> CompareCrds(const Kubectl& kubectl,
                                                       const std::string& crds) {
  std::vector<std::string> dry_run = ApplyCommand();
  dry_run.insert(dry_run.end(), {"--dry-run=server", "-o", "json"});
  ASSIGN_OR_RETURN(const std::string applied, kubectl.Run(dry_run, {.input = crds}));
  ASSIGN_OR_RETURN(const auto wanted, CrdsByName(applied));
  std::vector<std::string> names;
  for (const auto& [name, crd] : wanted) names.push_back(name);
  if (names.empty()) return std::vector<CrdDifference>();
  ASSIGN_OR_RETURN(const std::string live, GetCrds(kubectl, names, "json"));
  return CompareCrdLists(live, applied);
}

absl::Status ApplyCrds(const Kubectl& kubectl, const std::string& crds,
                       const std::vector<CrdDifference>& differences, const std::string& backup) {
  std::vector<std::string> changed;
  std::vector<std::string> all;
  for (const CrdDifference& difference : differences) {
    all.push_back(difference.name);
    if (!difference.is_absent) changed.push_back(difference.name);
  }
  if (!changed.empty()) {
    ASSIGN_OR_RETURN(const std::string before, GetCrds(kubectl, changed, "yaml"));
    RETURN_IF_ERROR(WriteFileAtomic(backup, before, 0600));
  }
  RETURN_IF_ERROR(kubectl.Run(ApplyCommand(), {.input = crds}).status());
  std::vector<std::string> wait = {"wait", "--for=condition=Established", "--timeout=60s", kKind};
  wait.insert(wait.end(), all.begin(), all.end());
  return kubectl.Run(wait, {.timeout = absl::Minutes(2), .request_timeout = absl::ZeroDuration()})
      .status();
}

}  // namespace lighter
