// Values that put a chart's images under another registry, made from its hints by the rule of
// relok8s and charts-syncer (internal/rewrite_action.go, containerRegistry and
// containerRepository): the registry is replaced; with a repository prefix all of an image's path
// but its last component is, too; the tag stays.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/naming/hints.h"
#include "coordinator/naming/target_names.h"

namespace lighter {

struct Relocation {
  std::string registry;  // "10.16.10.111", "10.16.10.111:5000/mirror"; empty: nothing is relocated
  std::string repository;  // prefix, "proj/containers"; empty: the path stays as it is
};

// InvalidArgument where image names cannot begin so.
absl::Status CheckRelocation(const Relocation& relocation);

struct RelocatedValues {
  nlohmann::json values;  // for Helm, after the user's older values; empty: none are needed
  std::vector<std::string> notes;  // hints that cannot be moved; values that will not do for long
};

// `defaults` are the chart's own values, `merged` those that the release would have otherwise: only
// what differs from them is in the result, so that a chart's later defaults come through.
RelocatedValues RelocateValues(const std::vector<Hint>& hints, const nlohmann::json& defaults,
                               const nlohmann::json& merged, const Relocation& relocation);

// Target names that are elsewhere all the same, one note each: the chart's templates or flags of
// the user decide otherwise, or no hint speaks of the image.
std::vector<std::string> NotRelocated(const NamingResult& names, const Relocation& relocation);

}  // namespace lighter
