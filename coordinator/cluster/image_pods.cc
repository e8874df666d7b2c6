#include "coordinator/cluster/image_pods.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/cluster/kubernetes_json.h"

namespace lighter {

using nlohmann::json;

absl::StatusOr<ImagePods> FindImagePods(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out, kubectl.Run({"get", "pods", "-A", "-o", "json"}));
  return ParseImagePods(out);
}

absl::StatusOr<ImagePods> ParseImagePods(const std::string& text) {
  ASSIGN_OR_RETURN(const json items, Items(text, "pods"));
  ImagePods pods;
  for (const json& item : items) {
    const std::string pod =
        absl::StrCat(Text(item, {"metadata", "namespace"}), "/", Text(item, {"metadata", "name"}));
    for (const char* kind : {"initContainers", "containers", "ephemeralContainers"}) {
      for (const json& container : At(item, {"spec", kind})) {
        const absl::StatusOr<Reference> image = Reference::Parse(Text(container, {"image"}));
        if (image.ok()) pods[image->str()].insert(pod);
      }
    }
  }
  return pods;
}

}  // namespace lighter
