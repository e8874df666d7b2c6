// Who else upgrades a release: Argo CD, Flux, or the Helm controller of k3s and RKE2. What Helm
// changes behind their backs they undo, so such a release is theirs to upgrade.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

struct ReleaseOwner {
  std::string code;    // "N-OWNER-FLUX"
  std::string what;    // "Flux (HelmRelease web in namespace flux-system)"
  std::string remedy;  // what to change there

  // "N-OWNER-FLUX: it is upgraded by Flux (...), so Helm is not run for it; ...".
  std::string Describe() const;
};

// Looks at the release's live objects, and for a HelmChart of k3s. Nothing where nobody else owns
// it. Errors are Kubectl's.
absl::StatusOr<std::optional<ReleaseOwner>> FindOwner(const Kubectl& kubectl, const std::string& ns,
                                                      const std::string& release);

// The judgements alone, on what kubectl prints: live objects (a list, or one), and HelmCharts.
std::optional<ReleaseOwner> OwnerOfObjects(const std::string& objects);
std::optional<ReleaseOwner> OwnerByHelmCharts(const std::string& charts, const std::string& ns,
                                              const std::string& release);

}  // namespace lighter
