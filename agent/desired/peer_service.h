// What this agent gives to those of other nodes: blobs of images that the desired list holds.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "common/digest.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Thread-safe. Every certificate of the cluster's authority may ask.
class PeerService final : public v1::Peer::Service {
 public:
  // `desired` must outlive it.
  PeerService(const Containerd& containerd, const DesiredList* desired)
      : containerd_(containerd), desired_(desired) {}

  grpc::Status Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::FetchReply>* writer) override;

 private:
  absl::Status Give(const v1::FetchRequest& request, grpc::ServerContext* context,
                    grpc::ServerWriter<v1::FetchReply>* writer);
  // Whether the list holds an image that has this blob.
  bool IsDesired(const Digest& digest);

  const Containerd containerd_;
  const DesiredList* const desired_;

  std::mutex mutex_;
  std::map<Digest, std::set<Digest>> blobs_of_;  // by manifest, as far as they were read
};

}  // namespace lighter
