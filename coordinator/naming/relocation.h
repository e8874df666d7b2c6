// Values that put a chart's images under another registry, made from its hints by the rule of
// relok8s and charts-syncer (internal/rewrite_action.go, ImageTemplate.Apply; also that of
// DaoCloud's fork): the registry is replaced or put before the image's own; with a repository all
// of the path but its last component is replaced; the tag stays.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/naming/hints.h"
#include "coordinator/naming/target_names.h"

namespace lighter {

// The members have charts-syncer's names; empty: that is not asked for.
struct Relocation {
  std::string registry;  // in place of the image's own: "10.16.10.111", "10.16.10.111:5000/mirror"
  std::string repository;  // in place of all of the path but its last component: "proj/containers"
  // DaoCloud's: before the image's own registry, which stays in the name (docker.io as
  // index.docker.io); this one wins over `registry`.
  std::string prefix_registry = {};
  std::string prefix_repository = {};   // DaoCloud's: before the path; `repository` wins over it
  bool append_origin_registry = false;  // with prefix_registry: values of registries get both

  // Nothing is relocated.
  bool empty() const { return registry.empty() && prefix_registry.empty(); }
};

// What all relocated names begin with.
std::string RootOf(const Relocation& relocation);

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
