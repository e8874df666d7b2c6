// A load without a coordinator: the agent brings its own node what the desired list holds, from
// other nodes, by the same Load that a coordinator uses.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "agent/call_group.h"
#include "agent/registry/registry_content.h"
#include "common/digest.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Gives a blob from an offset on; see PeerClient::Fetch.
using FetchBlob =
    std::function<absl::Status(const Digest& digest, uint64_t offset, const BlobSink& sink)>;

// Loads `images` through `agent` and waits until every name is proven. Errors: those of `fetch`,
// and of the Load; Cancelled where `group` was.
absl::Status LoadFromPeers(v1::Agent::StubInterface& agent, std::vector<v1::Image> images,
                           const FetchBlob& fetch, CallGroup& group,
                           const std::function<void(const std::string&)>& doing);

}  // namespace lighter
