#include "coordinator/helm/helm.h"

#include <cstdlib>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/process/process.h"

namespace lighter {
namespace {

constexpr int kSignalExitCode = 128;  // see ProcessResult

using nlohmann::json;

constexpr absl::Duration kQueryTimeout = absl::Minutes(2);

// What is wanted of a revision in one call: chart, version, then the manifests. A hook's events are
// "pre-upgrade", "test" and the like; `js` leaves no line break in a text.
constexpr char kStoredTemplate[] =
    R"({{ js .Release.Chart.Metadata.Name }}
{{ js .Release.Chart.Metadata.Version }}
{{ .Release.Manifest }}
{{- range .Release.Hooks }}{{ $runs := false }}
{{- range .Events }}{{ if ne (printf "%s" .) "test" }}{{ $runs = true }}{{ end }}{{ end }}
{{- if $runs }}
---
{{ .Manifest }}
{{ end }}{{ end }})";

std::string LastLines(const std::string& text, size_t max_lines = 6) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipWhitespace());
  const size_t first = lines.size() > max_lines ? lines.size() - max_lines : 0;
  std::string joined;
  for (size_t i = first; i < lines.size(); ++i) {
    absl::StrAppend(&joined, joined.empty() ? "" : "\n    ", lines[i]);
  }
  return joined.empty() ? "(no output)" : joined;
}

std::string Text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

void Append(std::vector<std::string>& args, const std::vector<std::string>& more) {
  args.insert(args.end(), more.begin(), more.end());
}

// Text begins with "N.N.N" or "vN.N.N", as Helm demands of chart versions.
bool IsVersion(absl::string_view text) {
  absl::ConsumePrefix(&text, "v");
  for (int part = 0; part < 3; ++part) {
    if (part > 0 && !absl::ConsumePrefix(&text, ".")) return false;
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return false;
    text.remove_prefix(digits);
  }
  return true;
}

// Of both, as far as they are the same whether it is run or only rendered.
std::vector<std::string> ChangeArgs(const Release& release, const UpgradeOptions& options) {
  const bool is_new = release.revision == 0;
  std::vector<std::string> args = {is_new ? "install" : "upgrade",
                                   release.name,
                                   options.chart_dir,
                                   "-n",
                                   release.ns,
                                   is_new ? "--create-namespace" : "--reset-values"};
  args.insert(args.end(), options.values.begin(), options.values.end());
  return args;
}

}  // namespace

std::string ChartVersionOf(const Release& release, const std::string& chart) {
  absl::string_view rest = release.chart;
  const bool same_chart = absl::ConsumePrefix(&rest, chart) && absl::ConsumePrefix(&rest, "-");
  return same_chart && IsVersion(rest) ? std::string(rest) : std::string();
}

absl::StatusOr<Helm> Helm::Find(const HelmOptions& options) {
  Helm helm(options);
  absl::StatusOr<std::string> version = helm.Run({"version", "--short"}, /*with_cluster=*/false);
  if (!version.ok()) {
    if (!absl::IsNotFound(version.status())) return version.status();
    return absl::NotFoundError(absl::StrCat("helm was not found (", Message(version.status()),
                                            "); install helm 3 or 4, or give --helm PATH"));
  }
  if (!absl::StartsWith(*version, "v3") && !absl::StartsWith(*version, "v4")) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.binary, " is ", absl::StripAsciiWhitespace(*version), "; helm 3 or 4 is needed"));
  }
  return helm;
}

std::vector<std::string> Helm::Command(const std::vector<std::string>& args,
                                       bool with_cluster) const {
  std::vector<std::string> argv = {options_.binary};
  Append(argv, args);
  if (with_cluster && !options_.kubeconfig.empty())
    Append(argv, {"--kubeconfig", options_.kubeconfig});
  if (with_cluster && !options_.context.empty()) Append(argv, {"--kube-context", options_.context});
  return argv;
}

absl::StatusOr<std::string> Helm::Run(const std::vector<std::string>& args,
                                      bool with_cluster) const {
  const std::string what = absl::StrCat("helm ", args.empty() ? "" : args[0]);
  ASSIGN_OR_RETURN(ProcessResult result,
                   RunProcess(Command(args, with_cluster), {.timeout = kQueryTimeout}));
  if (result.exit_code != 0) {
    return absl::AbortedError(absl::StrCat(what, " failed: ", LastLines(result.err)));
  }
  return std::move(result.out);
}

absl::StatusOr<std::vector<Release>> Helm::List() const {
  return ListStates({"--deployed", "--failed", "--pending"});
}

absl::StatusOr<std::vector<Release>> Helm::ListAll() const {
  return ListStates(
      {"--deployed", "--failed", "--pending", "--superseded", "--uninstalled", "--uninstalling"});
}

absl::StatusOr<std::vector<Release>> Helm::ListStates(
    const std::vector<std::string>& states) const {
  std::vector<std::string> args = {"list", "-A", "--max", "100000", "-o", "json"};
  Append(args, states);
  ASSIGN_OR_RETURN(const std::string out, Run(args));
  const json parsed = json::parse(out, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_array()) return absl::InternalError("helm list: the output is not a JSON list");
  std::vector<Release> releases;
  for (const json& item : parsed) {
    Release release;
    release.name = Text(item, "name");
    release.ns = Text(item, "namespace");
    release.chart = Text(item, "chart");
    release.status = Text(item, "status");
    release.revision = std::atoi(Text(item, "revision").c_str());
    releases.push_back(std::move(release));
  }
  return releases;
}

// A description may be the user's own; that of a failure never is.
bool HistoryEntry::did_run() const {
  return status == "deployed" ||
         (status == "superseded" && !absl::StrContains(description, "\" failed: "));
}

absl::StatusOr<std::vector<HistoryEntry>> Helm::History(const Release& release) const {
  ASSIGN_OR_RETURN(const std::string out,
                   Run({"history", release.name, "-n", release.ns, "-o", "json"}));
  const json parsed = json::parse(out, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_array()) return absl::InternalError("helm history: the output is not a JSON list");
  std::vector<HistoryEntry> history;
  for (const json& item : parsed) {
    const auto revision = item.find("revision");
    if (revision == item.end() || !revision->is_number_integer()) continue;
    history.push_back({.revision = revision->get<int>(),
                       .status = Text(item, "status"),
                       .chart = Text(item, "chart"),
                       .description = Text(item, "description")});
  }
  return history;
}

absl::StatusOr<StoredRevision> Helm::Stored(const Release& release, int revision) const {
  ASSIGN_OR_RETURN(const std::string out,
                   Run({"get", "all", release.name, "-n", release.ns, "--revision",
                        absl::StrCat(revision), "--template", kStoredTemplate}));
  const std::vector<std::string> parts = absl::StrSplit(out, absl::MaxSplits('\n', 2));
  if (parts.size() != 3) return absl::InternalError("helm get all: the output has no manifest");
  return StoredRevision{
      .revision = revision, .chart = parts[0], .version = parts[1], .manifests = parts[2]};
}

absl::StatusOr<std::string> Helm::UserValues(const Release& release, int revision) const {
  std::vector<std::string> args = {"get", "values", release.name, "-n", release.ns, "-o", "yaml"};
  if (revision != 0) Append(args, {"--revision", absl::StrCat(revision)});
  return Run(args);
}

absl::StatusOr<json> Helm::MergedValues(const std::string& chart_dir, const ValueArgs& values,
                                        const std::string& scratch_dir,
                                        Dependencies dependencies) const {
  RETURN_IF_ERROR(MakeValuesProbe(chart_dir, scratch_dir, dependencies));
  std::vector<std::string> args = {"template", "lighter-probe", scratch_dir};
  Append(args, values);
  ASSIGN_OR_RETURN(const std::string out, Run(args, false));
  return ReadValuesProbe(out);
}

absl::StatusOr<std::string> Helm::Crds(const std::string& chart_dir, const ValueArgs& values,
                                       const std::string& scratch_dir) const {
  RETURN_IF_ERROR(MakeValuesProbe(chart_dir, scratch_dir, Dependencies::kAsHelmWould,
                                  /*with_crds=*/true));
  std::vector<std::string> args = {"template", "lighter-probe", scratch_dir, "--include-crds"};
  Append(args, values);
  ASSIGN_OR_RETURN(const std::string out, Run(args, false));
  return CrdsOfProbe(out);
}

absl::StatusOr<std::string> Helm::RenderUpgrade(const Release& release,
                                                const UpgradeOptions& options) const {
  std::vector<std::string> args = ChangeArgs(release, options);
  Append(args, {"--dry-run=server", "-o", "json"});
  ASSIGN_OR_RETURN(const std::string out, Run(args));
  const json parsed = json::parse(out, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("manifest")) {
    return absl::InternalError("helm upgrade --dry-run=server: the output has no manifest");
  }
  std::string manifests = Text(parsed, "manifest");
  if (const auto hooks = parsed.find("hooks"); hooks != parsed.end() && hooks->is_array()) {
    for (const json& hook : *hooks) {
      absl::StrAppend(&manifests, "\n---\n", Text(hook, "manifest"));
    }
  }
  return manifests;
}

absl::StatusOr<std::string> Helm::RenderOffline(const std::string& chart_dir,
                                                const ValueArgs& values) const {
  std::vector<std::string> args = {"template", "lighter-offline", chart_dir};
  Append(args, values);
  return Run(args, false);
}

std::vector<std::string> Helm::UpgradeCommand(const Release& release,
                                              const UpgradeOptions& options) const {
  std::vector<std::string> args = ChangeArgs(release, options);
  Append(args, {"--timeout", absl::StrCat(absl::ToInt64Seconds(options.timeout), "s")});
  if (options.wait) args.push_back("--wait");
  return Command(args, true);
}

absl::Status Helm::Change(const std::vector<std::string>& command,
                          const std::string& log_path) const {
  ASSIGN_OR_RETURN(const ProcessResult result,
                   RunProcess(command, {.log_path = log_path, .own_session = true}));
  if (result.exit_code == 0) return absl::OkStatus();
  if (result.exit_code > kSignalExitCode) {
    return absl::UnknownError(absl::StrCat("helm ", command[1], " was killed (signal ",
                                           result.exit_code - kSignalExitCode, ")"));
  }
  return absl::AbortedError(absl::StrCat("helm ", command[1], " failed (exit code ",
                                         result.exit_code, "): ", LastLines(result.err)));
}

absl::Status Helm::Upgrade(const Release& release, const UpgradeOptions& options) const {
  return Change(UpgradeCommand(release, options), options.log_path);
}

absl::Status Helm::Rollback(const Release& release, const RollbackOptions& options) const {
  std::vector<std::string> args = {"rollback",
                                   release.name,
                                   absl::StrCat(options.revision),
                                   "-n",
                                   release.ns,
                                   "--timeout",
                                   absl::StrCat(absl::ToInt64Seconds(options.timeout), "s")};
  if (options.wait) args.push_back("--wait");
  return Change(Command(args, true), options.log_path);
}

absl::Status Helm::Uninstall(const Release& release, absl::Duration timeout,
                             const std::string& log_path) const {
  return Change(Command({"uninstall", release.name, "-n", release.ns, "--wait", "--timeout",
                         absl::StrCat(absl::ToInt64Seconds(timeout), "s")},
                        true),
                log_path);
}

}  // namespace lighter
