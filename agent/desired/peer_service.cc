#include "agent/desired/peer_service.h"

#include "absl/strings/str_cat.h"
#include "agent/desired/desired_image.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {

grpc::Status PeerService::Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                                grpc::ServerWriter<v1::FetchReply>* writer) {
  return ToGrpc(Give(*request, context, writer));
}

bool PeerService::IsDesired(const Digest& digest) {
  const std::shared_ptr<const v1::Desired> desired = desired_->current();
  if (desired == nullptr) return false;
  const std::lock_guard lock(mutex_);
  for (const v1::DesiredImage& image : ImagesOf(*desired)) {
    const absl::StatusOr<Digest> manifest = Digest::Parse(image.manifest_digest());
    if (!manifest.ok()) continue;
    if (*manifest == digest) return true;
    auto known = blobs_of_.find(*manifest);
    if (known == blobs_of_.end()) {
      const absl::StatusOr<std::string> bytes = containerd_.ReadBlob(*manifest, kMaxConfigBytes);
      if (!bytes.ok()) continue;  // not here, and neither are its blobs as far as we know
      const auto blobs = BlobsOfManifest(*bytes);
      if (!blobs.ok()) continue;
      known = blobs_of_.emplace(*manifest, std::set<Digest>(blobs->begin(), blobs->end())).first;
    }
    if (known->second.contains(digest)) return true;
  }
  return false;
}

absl::Status PeerService::Give(const v1::FetchRequest& request, grpc::ServerContext* context,
                               grpc::ServerWriter<v1::FetchReply>* writer) {
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(request.digest()));
  std::optional<uint64_t> size;
  if (IsDesired(digest)) {
    ASSIGN_OR_RETURN(size, containerd_.BlobSize(digest));
  }
  if (!size.has_value()) {
    return absl::NotFoundError(absl::StrCat("this node has no blob ", digest.str(), " to give"));
  }
  v1::FetchReply reply;
  reply.set_size(*size);
  if (request.offset() > *size) {
    return absl::OutOfRangeError(absl::StrCat(digest.str(), " has ", *size, " bytes"));
  }
  if (!writer->Write(reply)) return absl::CancelledError("the caller is gone");
  if (request.offset() == *size) return absl::OkStatus();
  return containerd_.StreamBlob(digest, request.offset(), request.length(),
                                [&](std::string_view part) -> absl::Status {
                                  for (size_t at = 0; at < part.size(); at += kChunkBytes) {
                                    reply.Clear();
                                    reply.set_data(std::string(part.substr(at, kChunkBytes)));
                                    if (context->IsCancelled() || !writer->Write(reply)) {
                                      return absl::CancelledError("the caller is gone");
                                    }
                                  }
                                  return absl::OkStatus();
                                });
}

}  // namespace lighter
