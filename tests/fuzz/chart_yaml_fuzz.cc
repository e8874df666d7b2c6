// Chart.yaml: names become folders, and all of it is shown.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "coordinator/package/chart.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto chart = ParseChartYaml(fuzz::AsText(data, size), "Chart.yaml");
  if (!chart.ok()) return 0;
  for (const std::string& text : {chart->name, chart->version}) {
    REQUIRE(!text.empty() && text.front() != '.' && text.find('/') == std::string::npos);
  }
  for (const std::string& text : {chart->name, chart->version, chart->app_version}) {
    REQUIRE(std::all_of(text.begin(), text.end(), absl::ascii_isprint));
  }
  return 0;
}
