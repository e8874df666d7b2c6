// Flags that several commands share, each with one meaning everywhere.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/plan/plan.h"
#include "coordinator/progress/display.h"
#include "coordinator/run/verify_run.h"

namespace lighter {

enum class OutputFormat { kText, kJson };

// The values behind the flags. Lives as long as the CLI::App that they are bound to.
struct CommonFlags {
  std::string package;
  std::string plan_file;  // --plan
  std::string release;
  std::string ns;
  std::vector<std::string> values_files;
  std::vector<std::string> set;
  std::vector<std::string> set_string;
  std::vector<std::string> set_file;
  std::vector<std::string> set_json;
  std::string registry;
  std::string repository;
  std::string config;  // load-image.yaml
  std::vector<std::string> allow_missing;
  std::vector<std::string> allow_denied;
  std::vector<std::string> allow_registry;
  std::vector<std::string> allow_pull;
  std::vector<std::string> place;
  std::string allow_unproven;
  std::vector<std::string> order;
  ChartSource chart;  // its version is --version
  std::string crds = "skip";
  bool install = false;
  bool skip_checksum = false;
  std::string kubeconfig;
  std::string context;
  std::string helm = "helm";
  std::string kubectl = "kubectl";
  std::string tls_dir;
  std::string progress = "auto";
  std::string output = "text";

  OutputFormat format() const {
    return output == "json" ? OutputFormat::kJson : OutputFormat::kText;
  }
};

// --kubectl, --kubeconfig, --context: which cluster, and how to ask it.
void AddKubectlFlags(CLI::App& command, CommonFlags& flags);
// --helm: which helm.
void AddHelmFlag(CLI::App& command, CommonFlags& flags);
// --tls-dir: the coordinator's own certificates.
void AddTlsDirFlag(CLI::App& command, CommonFlags& flags);
CLI::Option* AddPackageArgument(CLI::App& command, CommonFlags& flags);
void AddOutputFlag(CLI::App& command, CommonFlags& flags);
void AddProgressFlag(CLI::App& command, CommonFlags& flags);
// -n, --allow-pull, --helm, --kubectl, --kubeconfig, --context, --tls-dir.
void AddReleaseFlags(CLI::App& command, CommonFlags& flags);
// --timeout, --no-wait: of Helm.
void AddWaitFlags(CLI::App& command, std::string& timeout, bool& no_wait);
// RELEASE, those of AddReleaseFlags, the value flags of helm, --registry, --repository, --config,
// --allow-missing, --allow-registry, --allow-denied.
void AddClusterFlags(CLI::App& command, CommonFlags& flags);
// --place.
CLI::Option* AddPlaceFlag(CLI::App& command, CommonFlags& flags);
// After AddClusterFlags.
void AddInstallFlag(CLI::App& command, CommonFlags& flags);
// --plan, which takes the place of PACKAGE and of everything that decides names. After the flags
// that it excludes.
void AddPlanFileFlag(CLI::App& command, CommonFlags& flags);
void AddSkipChecksumFlag(CLI::App& command, CommonFlags& flags);

// A CLI11 check of a duration like 90s or 5m: the message, or empty when the text is fine.
std::string CheckDuration(const std::string& text);

KubectlOptions ToKubectlOptions(const CommonFlags& flags);
HelmOptions ToHelmOptions(const CommonFlags& flags);
VerifyOptions ToVerifyOptions(const CommonFlags& flags);
// With --plan, from that file as well. UsageError where neither that nor PACKAGE is given, and of
// the file of --config; errors of ReadPlanFile.
absl::StatusOr<PlanOptions> ToPlanOptions(const CommonFlags& flags);

}  // namespace lighter
