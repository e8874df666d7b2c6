// Image names in rendered Kubernetes manifests.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

enum class PullPolicy { kNever, kIfNotPresent, kAlways };

// What Kubernetes makes of a pull policy that is spelled, or not (""): Always for :latest and no
// tag.
PullPolicy PullPolicyOf(const std::string& spelled, const std::string& image);

// How pods ask for one image.
struct PodPulls {
  std::set<PullPolicy> policies;
  std::set<std::string> spellings;  // the name in the pods' words: "nginx:1"
};

struct RenderedImage {
  std::string name;               // as spelled
  std::set<PullPolicy> policies;  // see PullPolicyOf
  size_t uses = 0;                // so many containers and volumes have it
};

// The `image` fields of containers, initContainers and ephemeralContainers, and the image volumes,
// of every pod spec in a multi-document YAML stream (Pods, and any object with a pod template:
// Deployments, Jobs, CronJobs, ..., found by shape, not by kind). In order of appearance, each
// name once. InvalidArgument names the template whose YAML is damaged; ResourceExhausted where
// nesting or aliases make the objects too large.
absl::StatusOr<std::vector<RenderedImage>> RenderedImages(std::string_view manifests);

// Every text in the manifests that has the shape of an image name with a tag or a digest, wherever
// it stands: arguments, environment, custom resources, embedded files ("--helper-image=r.io/x:1",
// "docker://r.io/x:1"). Most are no image names; DecideTargetNames takes those that mean an image
// of the package. In order of appearance, each once; at most 100,000.
std::vector<std::string> MentionedNames(std::string_view manifests);

}  // namespace lighter
