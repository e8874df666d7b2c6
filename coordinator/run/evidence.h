// What a failed Helm run leaves behind and a way back would wipe out.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/run/release_report.h"

namespace lighter {

// Writes the events of the release's namespace, and of each of its pods that is not ready the
// description and the end of the logs, into `path` (mode 0600). What cannot be asked is written
// down as such. Errors are those of writing the file.
absl::Status SaveEvidence(const Kubectl& kubectl, const ReleaseReport& release,
                          const std::string& path);

}  // namespace lighter
