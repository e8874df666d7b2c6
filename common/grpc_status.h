// The one place where absl::Status and grpc::Status meet: at the edge of services and clients.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace lighter {

// Codes have the same numbers in both; only the type changes.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace lighter
