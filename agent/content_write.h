// The running call content.Write: its stream and what must outlive it. containerd gives a ref to
// one writer at a time.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/call_group.h"
#include "containerd/content.grpc.pb.h"

namespace lighter {

struct ContentWrite {
  explicit ContentWrite(const CallScope& scope) : call(scope, std::nullopt) {}

  Call call;
  std::unique_ptr<grpc::ClientReaderWriter<containerd::services::content::v1::WriteContentRequest,
                                           containerd::services::content::v1::WriteContentResponse>>
      stream;
};

// Whether a write could not begin because somebody else holds the ref.
bool IsLocked(const grpc::Status& status);

// Calls `attempt` again while it returns Aborted, until `give_up`; its last result.
absl::Status TryUntilUnlocked(absl::Time give_up, const std::function<absl::Status()>& attempt);

}  // namespace lighter
