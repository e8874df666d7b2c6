// Whether coordinator and agent understand each other.
#pragma once

#include "absl/status/status.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

// FailedPrecondition, with the way out, where the agent speaks another protocol than this lighter
// (kProtocolVersion). One from before there was a number says 0: it is too old.
absl::Status CheckProtocol(const v1::InfoReply& info);

// Whether an agent that was reached says that its node's containerd is away.
bool IsContainerdsFault(const absl::Status& status);

}  // namespace lighter
