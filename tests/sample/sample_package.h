// A package of the sample platform in the format that vendors ship: an outer tar with a folder of
// bundles, each with a chart and its images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/rope.h"

namespace lighter::sample {

struct PackageOptions {
  int version = 1;                       // 1: chart 0.1.0; 2: 0.2.0, where only top layers differ
  std::string app;                       // the static program that all containers run, its bytes
  uint64_t size_mib = 24;                // stored size of all layers, about
  std::string architecture = "amd64";    // as in image configs
  std::vector<std::string> addons = {};  // a bundle each: "beacon" for quayside-beacon
};

// The same options give the same bytes.
support::Rope MakePackage(const PackageOptions& options);

}  // namespace lighter::sample
