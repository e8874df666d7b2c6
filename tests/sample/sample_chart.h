// The Helm charts of the sample platform "quayside".
#pragma once

#include <map>
#include <string>

namespace lighter::sample {

// The registry that the charts name by default. It does not exist.
inline constexpr const char* kRegistry = "release.example.io";

struct Chart {
  std::string name;
  std::string hints;                         // hints.yaml
  std::map<std::string, std::string> files;  // below original-chart/
};

// web (a Deployment), worker (a DaemonSet, so on every node), and helper, which no pod spec names:
// it is an argument of web, as operators name the images that they start later. `version`: "0.1.0";
// images have the tag "v" + version.
Chart PlatformChart(const std::string& version);

// A Deployment of that name alone, for packages with several bundles.
Chart AddonChart(const std::string& name, const std::string& version);

}  // namespace lighter::sample
