// The user's own helm (3 or 4) as a child process. The only place where Helm is run.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/helm/values_probe.h"

namespace lighter {

struct HelmOptions {
  std::string binary = "helm";
  std::string kubeconfig;  // empty: helm's own default
  std::string context;     // empty: the current one
};

// Value flags exactly as Helm takes them: {"-f", "x.yaml", "--set", "a=b", ...}.
using ValueArgs = std::vector<std::string>;

// One line of `helm list`.
struct Release {
  std::string name;
  std::string ns;
  std::string chart;   // "<name>-<version>"
  std::string status;  // "deployed", "failed", "pending-upgrade", ...
  int revision = 0;    // 0: it is to be installed
};

// The version in Helm's "<chart>-<version>", or nothing when it is another chart's: "app-2fa-1.0.0"
// is not version "2fa-1.0.0" of "app".
std::string ChartVersionOf(const Release& release, const std::string& chart);

// One line of `helm history`.
struct HistoryEntry {
  int revision = 0;
  std::string status;  // "deployed", "superseded", "failed", "pending-upgrade", ...
  std::string chart;   // "<name>-<version>"

  std::string description;  // "Upgrade complete", "Upgrade \"web\" failed: ..."

  // Helm calls a revision superseded that failed, too, when a rollback from it fails.
  bool did_run() const;
};

// A revision as Helm keeps it.
struct StoredRevision {
  int revision = 0;
  std::string chart;      // its name
  std::string version;    // the chart's
  std::string manifests;  // hooks included, tests not; Secrets in the clear: keep it in memory
};

// A chart that is not the package's own: what `helm pull` takes. Credentials are Helm's own (`helm
// repo add`, `helm registry login`): nothing secret is on a command line.
struct ChartSource {
  std::string reference;  // "repo/chart", "oci://...", a folder, a .tgz; empty: the package's
  std::string version;    // empty: the newest
  std::string repo;       // --repo
  std::string ca_file;    // --ca-file
  bool plain_http = false;
};

struct RollbackOptions {
  int revision = 0;
  absl::Duration timeout = absl::Minutes(5);
  bool wait = true;
  std::string log_path;  // Helm's output, appended
};

struct UpgradeOptions {
  std::string chart_dir;
  ValueArgs values;  // after --reset-values; the backup first
  absl::Duration timeout = absl::Minutes(5);
  bool wait = true;
  std::string log_path;  // Helm's output, appended
};

// Thread-compatible. Every call runs one helm process and waits for it; see RunProcess for the
// thread that may call. Errors carry Helm's own words.
class Helm {
 public:
  // Runs `helm version`. NotFound where there is no helm, FailedPrecondition for helm 2.
  static absl::StatusOr<Helm> Find(const HelmOptions& options);

  // All releases of all namespaces that are deployed, failed or pending.
  absl::StatusOr<std::vector<Release>> List() const;

  // The same in every state: those that are being uninstalled, and those of which only the history
  // is left, too.
  absl::StatusOr<std::vector<Release>> ListAll() const;

  // `helm get values`: what the user set for this release at that revision, YAML; 0: the last one.
  absl::StatusOr<std::string> UserValues(const Release& release, int revision = 0) const;

  // The revisions that Helm still has, oldest first.
  absl::StatusOr<std::vector<HistoryEntry>> History(const Release& release) const;

  // What Helm keeps of a revision.
  absl::StatusOr<StoredRevision> Stored(const Release& release, int revision) const;

  // The chart's values with `values` merged in by Helm itself, subcharts and globals included:
  // `helm template` of a copy of the chart (made in `scratch_dir`) whose only template prints
  // .Values. With kAll also those of subcharts that are switched off.
  absl::StatusOr<nlohmann::json> MergedValues(
      const std::string& chart_dir, const ValueArgs& values, const std::string& scratch_dir,
      Dependencies dependencies = Dependencies::kAsHelmWould) const;

  // The chart as a .tgz that it writes into `folder` (made where it is not there), and its path.
  absl::StatusOr<std::string> FetchChart(const ChartSource& source,
                                         const std::string& folder) const;

  // The CRDs of the chart and of those of its subcharts that the values switch on: YAML documents;
  // empty where there are none. `scratch_dir`: as of MergedValues.
  absl::StatusOr<std::string> Crds(const std::string& chart_dir, const ValueArgs& values,
                                   const std::string& scratch_dir) const;

  // The manifests (hooks and tests included) that an upgrade or installation of `release` would
  // apply: `helm upgrade --dry-run=server`. Holds Secrets in the clear: keep it in memory.
  absl::StatusOr<std::string> RenderUpgrade(const Release& release,
                                            const UpgradeOptions& options) const;

  // The same by `helm template`, without a cluster.
  absl::StatusOr<std::string> RenderOffline(const std::string& chart_dir,
                                            const ValueArgs& values) const;

  // The argument list of the upgrade, or of the installation into a namespace that may be new, for
  // showing and for running.
  std::vector<std::string> UpgradeCommand(const Release& release,
                                          const UpgradeOptions& options) const;

  // Runs UpgradeCommand in its own session. Aborted where Helm ran and failed, with its message;
  // Unknown where it was killed.
  absl::Status Upgrade(const Release& release, const UpgradeOptions& options) const;

  // Runs `helm rollback` in its own session, also of a release that a killed Helm left pending.
  // Aborted where Helm ran and failed, with its message.
  absl::Status Rollback(const Release& release, const RollbackOptions& options) const;

  // `helm uninstall --wait`, in the same way.
  absl::Status Uninstall(const Release& release, absl::Duration timeout,
                         const std::string& log_path) const;

 private:
  explicit Helm(HelmOptions options) : options_(std::move(options)) {}
  absl::StatusOr<std::vector<Release>> ListStates(const std::vector<std::string>& states) const;
  std::vector<std::string> Command(const std::vector<std::string>& args, bool with_cluster) const;
  absl::StatusOr<std::string> Run(const std::vector<std::string>& args,
                                  bool with_cluster = true) const;
  // Runs what changes a release, with its output in the log.
  absl::Status Change(const std::vector<std::string>& command, const std::string& log_path) const;

  HelmOptions options_;
};

}  // namespace lighter
