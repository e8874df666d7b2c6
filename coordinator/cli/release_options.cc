#include "coordinator/cli/release_options.h"

#include "common/status.h"
#include "common/usage_error.h"

namespace lighter {
namespace {

constexpr char kGroup[] = "Releases and charts";

}  // namespace

void AddReleaseChoiceFlags(CLI::App& command, CommonFlags& flags) {
  const auto add = [&command](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group(kGroup);
  };
  add("--version", flags.chart.version,
      "The chart's version that must be there; with --chart, the one that is taken");
  CLI::Option* chart =
      add("--chart", flags.chart.reference,
          "This chart instead of the package's own: repo/chart, oci://..., a folder or a .tgz");
  add("--repo", flags.chart.repo, "With --chart: URL of its repository")->needs(chart);
  add("--ca-file", flags.chart.ca_file, "With --chart: whom to trust as its repository")
      ->needs(chart)
      ->check(CLI::ExistingFile);
  command.add_flag("--plain-http", flags.chart.plain_http, "With --chart oci://...: without TLS")
      ->needs(chart)
      ->group(kGroup);
  add("--order", flags.order, "Charts whose releases go first: chart1,chart2 (default: as packed)")
      ->delimiter(',');
  add("--allow-unproven", flags.allow_unproven,
      "Go on although so many nodes (2, 10%) or these (node3,node4) are not proven: pods there may "
      "hang");
}

void AddUpgradeChoiceFlags(CLI::App& command, CommonFlags& flags) {
  command
      .add_option("--crds", flags.crds,
                  "CRDs of the chart that the cluster has otherwise: apply them before Helm, or "
                  "skip them as Helm does")
      ->check(CLI::IsMember({"apply", "skip"}))
      ->capture_default_str()
      ->group(kGroup);
}

absl::Status ApplyReleaseChoice(const CommonFlags& flags, PlanOptions& options) {
  options.chart = flags.chart;
  options.chart_version = flags.chart.version;
  options.query.order = flags.order;
  options.query.apply_crds = flags.crds == "apply";
  if (flags.allow_unproven.empty()) return absl::OkStatus();
  absl::StatusOr<UnprovenAllowance> allowed = UnprovenAllowance::Parse(flags.allow_unproven);
  if (!allowed.ok()) return UsageError(Annotate(allowed.status(), "--allow-unproven"));
  options.allow_unproven = *std::move(allowed);
  return absl::OkStatus();
}

}  // namespace lighter
