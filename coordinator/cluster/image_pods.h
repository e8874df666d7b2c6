// Which pods ask for which image.
#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// "NAMESPACE/POD" by the normalised name of an image that one of its containers asks for.
using ImagePods = std::map<std::string, std::set<std::string>>;

// Of the pods of all namespaces. Errors are Kubectl's.
absl::StatusOr<ImagePods> FindImagePods(const Kubectl& kubectl);

// Every container's image of every pod in what kubectl prints, also of pods that have ended. Names
// that cannot be read are left out: no node can have an image under them.
absl::StatusOr<ImagePods> ParseImagePods(const std::string& json);

}  // namespace lighter
