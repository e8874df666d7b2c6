// What broken writes left in containerd's content store.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/containerd_client.h"

namespace lighter {

// Drops the unfinished write under `ref`, but never one that is going on: containerd itself would
// take the bytes from under a pull of the kubelet. OK where there is none; Aborted where somebody
// is still writing at `until`.
absl::Status DropIngest(const Containerd& containerd, const std::string& ref, absl::Time until);

}  // namespace lighter
