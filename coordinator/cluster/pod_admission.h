// What the cluster's admission makes of a release's pods, before they are asked for: webhooks and
// policies that write other image names, add containers, change pull policies, or deny the pod.
#pragma once

#include <string>
#include <vector>

#include "coordinator/cluster/kubectl.h"
#include "coordinator/naming/rendered_images.h"

namespace lighter {

// A container's image, as admission leaves it.
struct AdmittedImage {
  std::string asked;     // in the template; empty: admission adds the container
  std::string admitted;  // what the pod asks for
  PullPolicy policy = PullPolicy::kIfNotPresent;
};

struct DeniedPod {
  std::string owner;  // "Deployment/web"
  std::string cause;  // the API server's words
};

struct PodAdmission {
  std::vector<AdmittedImage> images;  // one a container
  std::vector<DeniedPod> denied;
  std::vector<std::string> notes;  // what could not be asked, and why; containers that are added
};

// Asks for one pod of each workload in `manifests` (a YAML stream, as Helm renders it) by a
// server-side dry run: nothing is created. Objects of other namespaces than `ns`, and custom
// resources, are not asked about, and nothing is where `ns` is not there yet. Whatever cannot be
// asked is in `notes`.
PodAdmission AdmitPods(const Kubectl& kubectl, const std::string& ns, const std::string& manifests);

}  // namespace lighter
