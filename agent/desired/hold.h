// The leases that hold the images of the desired list against containerd's garbage collection, also
// where somebody (the kubelet's image GC before containerd had pins) deletes their names.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "agent/containerd_client.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// All these leases' ids begin with this.
inline constexpr std::string_view kHoldPrefix = "lighter-hold-";

// Makes one lease a release that holds what is there of its images, and ends those of releases and
// images that the list no longer has. A lease ends by itself after two days unless this is called
// again: a node that lost its agent cleans up. Cheap where nothing changed.
absl::Status HoldDesired(const Containerd& containerd, const v1::Desired& desired);

// Ends all of them.
absl::Status ReleaseHolds(const Containerd& containerd);

}  // namespace lighter
