// Whether containerd's root folder is the one that this agent's pod mounts.
//
// `lighter agent install` knows the root from the socket's layout only. An agent whose pod mounts
// another folder ends before it writes anything, and what it says last lets the installation give
// the node the right one.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "agent/containerd_client.h"

namespace lighter {

// FailedPrecondition, in words that ToldRoot understands, where containerd tells another root than
// `expected`. OK where it tells none, or cannot be asked now.
absl::Status CheckRoot(const Containerd& containerd, const std::string& expected);

// The root that an agent's last words tell. Nothing where they tell none, or no path that could be
// mounted: absolute, without "..", printable.
std::optional<std::string> ToldRoot(const std::string& last_words);

}  // namespace lighter
