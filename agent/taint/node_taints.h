// Taking a taint off a node, as a change that the API server makes.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace lighter {

// The JSON patch (RFC 6902) that takes every taint with `key` off the node that `node_json`, a v1
// Node, shows; nullopt where it has none. The patch fails where the node's taints are others by
// then, so nobody's change is lost. InvalidArgument where it is no Node.
absl::StatusOr<std::optional<std::string>> PatchWithoutTaint(const std::string& node_json,
                                                             const std::string& key);

}  // namespace lighter
