// Waits for the verdict on a package's checksums where there is nothing else to do meanwhile.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "coordinator/package/checksum_verifier.h"
#include "coordinator/progress/display.h"

namespace lighter {

// "checking the package's checksum, 42%".
std::string ChecksumStep(const ChecksumVerifier& checksums);

// Blocks until the verdict is there, and shows on stderr how far it is. Cancelled after a stop
// signal.
absl::Status AwaitChecksums(const ChecksumVerifier& checksums, ProgressMode mode);

}  // namespace lighter
