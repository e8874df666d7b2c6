// The authority that signs the agents' certificates, kept in the cluster as the Secret
// lighter-authority (type kubernetes.io/tls). No pod mounts it: who may read Secrets of the agents'
// namespace may be a coordinator.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "common/pki.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// The cluster's authority; nothing where no agents were installed. DataLoss where the Secret is
// there without its two entries; else Kubectl's errors.
absl::StatusOr<std::optional<Authority>> FindAuthority(const Kubectl& kubectl);

// Makes an authority and creates its Secret; the namespace must exist. Aborted where there is one
// already.
absl::StatusOr<Authority> CreateAuthority(const Kubectl& kubectl);

}  // namespace lighter
