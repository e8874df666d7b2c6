// What rendered objects would do with an image that nobody brings.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lighter {

// The most urgent first.
enum class ImageUse {
  kRuns,   // pods of it start as soon as the release is changed
  kLater,  // pods of it start some day, without anybody touching the release: a CronJob, a hook
  kIdle,   // none start until somebody changes something: no replicas, suspended
  kTest,   // `helm test` alone starts them
};

struct ImageUser {
  ImageUse use = ImageUse::kRuns;
  std::string object;  // "CronJob backup"
  std::string words;   // what it does with the image: "starts it by its schedule"
};

struct SplitManifests {
  std::string applied;  // hooks included
  std::string tests;    // hooks that only `helm test` runs
};

// Tells the two apart by the annotation helm.sh/hook. What is no YAML counts as applied.
SplitManifests SplitTests(std::string_view manifests);

// For each of these names (as spelled in an `image` field of the manifests) the most urgent of its
// users; names without one are not in the result. `is_new`: the release is to be installed, so that
// other hooks run.
std::map<std::string, ImageUser> FindImageUsers(std::string_view manifests,
                                                const std::vector<std::string>& names, bool is_new);

}  // namespace lighter
