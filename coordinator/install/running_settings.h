// What the agents that run were installed with, for an upgrade that keeps it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/install/install.h"

namespace lighter {

struct RunningSettings {
  std::string image;  // the agent's own; empty: agents start from a borrowed one
  MirrorSettings mirrors;
  std::string lift_taint;  // key of the taint; empty: none
};

// Of DaemonSets that lighter made for nodes of this architecture. NotFound where there are none,
// FailedPrecondition where they differ.
absl::StatusOr<RunningSettings> ParseRunningSettings(const nlohmann::json& daemon_sets,
                                                     const std::string& architecture);

// Fills in what `options` do not say; what was filled in, as flags, for people: empty for nothing.
std::string KeepSettings(const RunningSettings& running, InstallOptions& options);

// Both, of the cluster's agents. A usage error where a folder for mirrors is given and none are
// wanted; errors are also those of ParseRunningSettings and Kubectl's.
absl::StatusOr<std::string> KeepRunningSettings(InstallOptions& options,
                                                const std::string& architecture);

}  // namespace lighter
