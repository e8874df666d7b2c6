// Blobs of the desired list, from this node's containerd or, where it lacks them, from other nodes.
#pragma once

#include <memory>

#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "agent/desired/peer_client.h"
#include "agent/registry/registry_content.h"

namespace lighter {

// Thread-safe. All that is pointed to must outlive it.
class NodeContent final : public RegistryContent {
 public:
  // `calls` may be null; cancelled, it ends all that is asked of it.
  NodeContent(const Containerd& containerd, const DesiredList* desired, PeerClient* peers,
              CallGroup* calls)
      : containerd_(containerd), desired_(desired), peers_(peers), calls_(calls) {}

  std::shared_ptr<const v1::Desired> desired() const override { return desired_->current(); }
  absl::StatusOr<uint64_t> Size(const Digest& digest) override;
  absl::Status Read(const Digest& digest, uint64_t offset, const BlobSink& sink) override {
    return Read(digest, offset, sink, calls_);
  }
  // The same, Cancelled where `group` was; it may be null.
  absl::Status Read(const Digest& digest, uint64_t offset, const BlobSink& sink, CallGroup* group);

  // Something was wrong with what came: the next blobs are asked of another node first.
  void TryOthersFirst() { peers_->Rotate(); }

 private:
  const Containerd containerd_;
  const DesiredList* const desired_;
  PeerClient* const peers_;
  CallGroup* const calls_;
};

}  // namespace lighter
