// The objects of `--lift-taint` (lift_taint.h) in the cluster.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

// FailedPrecondition where the API server cannot limit what agents may change of nodes: before
// Kubernetes 1.30 it has no ValidatingAdmissionPolicy. Else Kubectl's errors.
absl::Status CheckLiftSupport(const Kubectl& kubectl);
// Whether an API server has it, by its /apis/admissionregistration.k8s.io/v1.
bool HasAdmissionPolicies(const std::string& resources_json);

// The keys of the taints that agents' DaemonSets have lifted, but for those that were narrowed to
// nodes that are away. Kubectl's errors.
absl::StatusOr<std::set<std::string>> LiftedTaints(const Kubectl& kubectl);

// What to say, with the way out, where a taint is not lifted any more.
std::string NobodyLifts(const std::string& key);

// Applies them, what allows something last. Idempotent. Kubectl's errors: nothing is allowed then
// that is not limited.
absl::Status ApplyLiftObjects(const Kubectl& kubectl, const std::string& key);

// The objects that may be there, as "KIND/NAME": all of them or none. Kubectl's errors.
absl::StatusOr<std::vector<std::string>> PresentLiftObjects(const Kubectl& kubectl);

// Whether there are any. PermissionDenied, with the rights that are missing, where there are and
// this user may not remove them; else Kubectl's errors.
absl::StatusOr<bool> FindLiftObjects(const Kubectl& kubectl);

// Removes those, what allows something first. Idempotent. Kubectl's errors: what is left is found
// again.
absl::Status RemoveLiftObjects(const Kubectl& kubectl);

// The same for what no DaemonSet of agents needs any more. One that was narrowed to nodes that are
// away starts no pod there without its service account, which is allowed nothing then; one of
// another lighter, for another architecture, goes on lifting.
absl::Status RemoveUnusedLiftObjects(const Kubectl& kubectl);

}  // namespace lighter
