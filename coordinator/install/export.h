// The agent as files, for sites that bring it onto their nodes in a way of their own.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/install/payload.h"

namespace lighter {

// In the folder that ExportAgent fills.
inline constexpr char kExportedProgram[] = "lighter-agent";
inline constexpr char kExportedUnit[] = "lighter-agent.service";
inline constexpr char kExportedImage[] = "lighter-agent-image.tar";

// The name of the exported image inside its archive.
std::string ExportedImageName();

// The agent, unpacked. DataLoss where the payload is damaged.
absl::StatusOr<std::string> AgentProgram(const AgentPayload& payload);

// A docker-archive of one image that holds `program` as /lighter-agent and starts it. The same
// program gives the same bytes.
std::string AgentImageArchive(const std::string& architecture, const std::string& program);

// Writes program, systemd unit and image archive into `folder`, which is made where it is not
// there; files of these names are replaced. Their paths. Errors name the file.
absl::StatusOr<std::vector<std::string>> ExportAgent(const AgentPayload& payload,
                                                     const std::string& folder);

}  // namespace lighter
