// What this agent gives to those of other nodes: blobs of images that the desired list holds.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "agent/registry/manifest_blobs.h"
#include "common/digest.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Thread-safe. Every certificate of the cluster's authority may ask.
class PeerService final : public v1::Peer::Service {
 public:
  // `desired` must outlive it.
  PeerService(const Containerd& containerd, const DesiredList* desired)
      : containerd_(containerd), desired_(desired) {}

  // ResourceExhausted while it gives to as many as it may: each takes a thread and some memory.
  grpc::Status Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::FetchReply>* writer) override;

 private:
  // A list, and what its manifests hold as far as this node has them.
  struct Known {
    Known(std::shared_ptr<const v1::Desired> desired, const Containerd& containerd);
    const std::shared_ptr<const v1::Desired> list;
    const std::vector<v1::DesiredImage> images;
    ManifestBlobs blobs;
  };

  absl::Status Give(const v1::FetchRequest& request, grpc::ServerContext* context,
                    grpc::ServerWriter<v1::FetchReply>* writer);
  std::shared_ptr<Known> Now();
  // Whether the list holds an image that has this blob.
  bool IsDesired(const Digest& digest);

  const Containerd containerd_;
  const DesiredList* const desired_;
  std::atomic<int> running_ = 0;

  std::mutex mutex_;
  std::shared_ptr<Known> known_;
};

}  // namespace lighter
