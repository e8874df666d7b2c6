// The pins of image names, which keep the kubelet's image GC away, as the desired list wants them.
//
// A name of the list that points to its image is pinned, whoever made it. What follows the list is
// marked (agent/name_marks.h), and unpinned once the list does not hold it any more. A pin that
// neither a load nor the list put on is somebody else's and stays.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "agent/containerd_client.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// Pins and unpins; `records` are all names on the node. Writes nothing where nothing changed.
absl::Status FollowList(const Containerd& containerd, const v1::Desired& desired,
                        const std::vector<ImageRecord>& records);

// Takes every pin off that lighter put on, those of names that no list held included.
absl::Status ReleasePins(const Containerd& containerd);

}  // namespace lighter
