// Errors of the command line, wherever they are found out.
#pragma once

#include "absl/status/status.h"

namespace lighter {

// Marks an error as one of the command line, or of a file that it names; OK stays OK. Annotate
// keeps the mark.
absl::Status UsageError(absl::Status status);
bool IsUsageError(const absl::Status& status);

}  // namespace lighter
