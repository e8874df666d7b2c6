// charts-syncer's configuration file, load-image.yaml, as far as it says where images go. Its
// format: api/config.proto of bitnami/charts-syncer v0.20.1 and of DaoCloud's fork, keys in either
// spelling of protobuf's JSON (containerRegistry, container_registry).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/naming/relocation.h"

namespace lighter {

struct LoadImageConfig {
  Relocation relocation;  // not empty
  // Keys that are there and say nothing to lighter, like "target.repo", in order: they are about
  // fetching, pushing, and logging in for that.
  std::vector<std::string> ignored;
};

// `what` names the file in errors. InvalidArgument, with the line where there is one: no such YAML,
// a key that charts-syncer does not know, one that asks for what lighter does not do, image names
// that cannot be. No error and no result holds a password of it.
absl::StatusOr<LoadImageConfig> ParseLoadImageConfig(std::string_view yaml,
                                                     const std::string& what);

}  // namespace lighter
