// Whether coordinator and agent understand each other.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// What an agent says of itself. Errors: Unavailable (not reachable, or its certificate is of
// another authority), PermissionDenied, DeadlineExceeded.
absl::StatusOr<v1::InfoReply> AskInfo(v1::Agent::StubInterface& stub);

// How the agent's protocol differs from this lighter's, to follow the agent's name in a sentence.
std::string ProtocolGap(const v1::InfoReply& info);

// FailedPrecondition, with the way out, where the agent speaks another protocol than this lighter
// (kProtocolVersion). One from before there was a number says 0: it is too old.
absl::Status CheckProtocol(const v1::InfoReply& info);

// Whether an agent that was reached says that its node's containerd is away.
bool IsContainerdsFault(const absl::Status& status);

}  // namespace lighter
