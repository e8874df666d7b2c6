// Blobs from the agents of other nodes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/call_group.h"
#include "agent/registry/registry_content.h"
#include "common/digest.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Thread-safe.
class PeerClient {
 public:
  // Its certificate is this node's own where there is one in `state_dir` of the authority of now
  // (authority_ca.h), else the members' in `member_dir`. `node` is not asked, being this one.
  PeerClient(std::string state_dir, std::string member_dir, std::string node);

  // Asks the peers of `list`, one after the other, until one has the blob: its size.
  // NotFound: none has it. Unavailable: not all could be asked. Cancelled: `group` was.
  absl::StatusOr<uint64_t> Size(const v1::Desired& list, const Digest& digest, CallGroup* group);

  // Gives the blob from `offset` on to `sink`, whose error ends it. Goes on at another peer where
  // one fails or is too slow. The bytes are not hashed. Errors as Size.
  absl::Status Fetch(const v1::Desired& list, const Digest& digest, uint64_t offset,
                     const BlobSink& sink, CallGroup* group);

  // Another peer goes first from now on.
  void Rotate() { ++skew_; }

 private:
  struct Connection {
    std::string certificate;  // with which it was made
    std::shared_ptr<v1::Peer::StubInterface> stub;
  };

  absl::StatusOr<std::shared_ptr<v1::Peer::StubInterface>> Dial(const v1::DesiredPeer& peer);

  const std::string state_dir_;
  const std::string member_dir_;
  const std::string node_;

  std::atomic<size_t> skew_ = 0;

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Connection> connections_;  // by node and address
};

}  // namespace lighter
