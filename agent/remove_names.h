// Taking image names away that lighter created: what `lighter prune` asks of a node.
#pragma once

#include "absl/status/status.h"
#include "agent/containerd_client.h"
#include "lighter/v1/agent.pb.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// Removes the names asked for, with the records by digest that no other name needs; containerd then
// collects what nothing holds. Refused, each with its cause: names that lighter did not create,
// that point to another manifest than is asked for, those that pods use, and those that `desired`
// (may be null) holds. A name that is not there counts as removed. No load may run beside it.
absl::Status RemoveNames(const Containerd& containerd, const v1::Desired* desired,
                         const v1::RemoveRequest& request, v1::RemoveReply* reply);

}  // namespace lighter
