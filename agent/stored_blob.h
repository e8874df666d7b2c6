// Blobs that containerd says it has, looked at once more: a disk may have spoilt them since.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "agent/containerd_client.h"
#include "common/digest.h"

namespace lighter {

// Internal, with the way out, where the stored bytes are not those of `digest`; OK where they are,
// and where they cannot be read. Reads the whole blob. `what` names it: "layer of image NAME".
absl::Status CheckStoredBlob(const Containerd& containerd, const Digest& digest,
                             std::string_view what);

}  // namespace lighter
