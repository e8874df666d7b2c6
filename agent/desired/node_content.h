// Blobs of the desired list, from this node's containerd or, where it lacks them, from other nodes.
#pragma once

#include <memory>

#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "agent/desired/peer_client.h"
#include "agent/registry/registry_content.h"

namespace lighter {

// Thread-safe. `desired` and `peers` must outlive it.
class NodeContent final : public RegistryContent {
 public:
  NodeContent(const Containerd& containerd, const DesiredList* desired, PeerClient* peers)
      : containerd_(containerd), desired_(desired), peers_(peers) {}

  std::shared_ptr<const v1::Desired> desired() const override { return desired_->current(); }
  absl::StatusOr<uint64_t> Size(const Digest& digest) override;
  absl::Status Read(const Digest& digest, uint64_t offset, const BlobSink& sink) override {
    return Read(digest, offset, sink, nullptr);
  }
  // The same, Cancelled where `group` was; it may be null.
  absl::Status Read(const Digest& digest, uint64_t offset, const BlobSink& sink, CallGroup* group);

  // Something was wrong with what came: the next blobs are asked of another node first.
  void TryOthersFirst() { peers_->Rotate(); }

 private:
  const Containerd containerd_;
  const DesiredList* const desired_;
  PeerClient* const peers_;
};

}  // namespace lighter
