// The running call content.Write: its stream and what must outlive it.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <memory>

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

}  // namespace lighter
