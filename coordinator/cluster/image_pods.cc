#include "coordinator/cluster/image_pods.h"

#include "common/status.h"

namespace lighter {

absl::StatusOr<ImagePods> FindImagePods(const Kubectl& kubectl) {
  ASSIGN_OR_RETURN(const std::string out, kubectl.Run({"get", "pods", "-A", "-o", "json"}));
  return ParseImagePods(out);
}

}  // namespace lighter
