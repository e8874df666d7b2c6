// Makes an image visible: the last step, when all its content and snapshots are in place.
#pragma once

#include "absl/status/status.h"
#include "agent/checked_image.h"
#include "agent/containerd_client.h"
#include "agent/load_rules.h"

namespace lighter {

// Creates or moves the records that CRI itself would make for `name` of `image`: sha256:<config>,
// the name, and repo@digest for pods that pin it. Only the name is pinned against the kubelet's
// image GC: when the name moves on, nothing of ours holds the old image. AlreadyExists where the
// rules forbid moving and the name is another image's.
absl::Status PublishName(const Containerd& containerd, const CheckedImage& image,
                         const Reference& name, const LoadRules& rules);

}  // namespace lighter
