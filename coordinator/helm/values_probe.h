// A chart that prints the values that Helm made of a real chart's defaults and the user's flags.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lighter {

enum class Dependencies {
  kAsHelmWould,  // those that conditions and tags switch off are left out
  kAll,          // conditions and tags of Chart.yaml and of unpacked subcharts do not count
};

// Makes in `probe_dir` (replaced) a copy of the chart in `chart_dir` without any template, schema
// or CRD of it or of its unpacked subcharts, and with one template that prints .Values.
absl::Status MakeValuesProbe(const std::string& chart_dir, const std::string& probe_dir,
                             Dependencies dependencies, bool with_crds = false);

// The values in the output of `helm template` of such a chart.
absl::StatusOr<nlohmann::json> ReadValuesProbe(const std::string& rendered);

// The CRDs that `helm template --include-crds` printed for a probe with CRDs: all that comes before
// its one template.
std::string CrdsOfProbe(const std::string& rendered);

}  // namespace lighter
