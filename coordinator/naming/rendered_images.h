// Image names in rendered Kubernetes manifests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

// The `image` fields of containers, initContainers and ephemeralContainers, and the image volumes,
// of every pod spec in a multi-document YAML stream (Pods, and any object with a pod template:
// Deployments, Jobs, CronJobs, ..., found by shape, not by kind). In order of appearance, each
// once, as spelled. InvalidArgument names the template whose YAML is damaged; ResourceExhausted
// where nesting or aliases make an object too large.
absl::StatusOr<std::vector<std::string>> RenderedImages(std::string_view manifests);

}  // namespace lighter
