// An image of the desired list, made whole: the list names its manifest only.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "agent/checked_image.h"
#include "agent/containerd_client.h"
#include "agent/registry/manifest_blobs.h"
#include "lighter/v1/agent.pb.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// All images of a list, those of the loads before included; each manifest once, with all its names.
std::vector<v1::DesiredImage> ImagesOf(const v1::Desired& desired);

// The image as a load wants it: manifest and config are read, checked against their digests, and
// give the layers. DataLoss: other bytes; InvalidArgument: not an image; else errors of `read`.
absl::StatusOr<v1::Image> CompleteImage(const v1::DesiredImage& desired, const ReadSmallBlob& read);

// The same of an image whose manifest and config are in containerd. NotFound where they are not.
absl::StatusOr<CheckedImage> StoredImage(const Containerd& containerd,
                                         const v1::DesiredImage& desired);

}  // namespace lighter
