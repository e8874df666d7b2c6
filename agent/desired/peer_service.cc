#include "agent/desired/peer_service.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/desired/desired_image.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {

namespace {

// At once; a node that joins asks for one blob after the other.
constexpr int kMaxFetches = 16;

}  // namespace

PeerService::Known::Known(std::shared_ptr<const v1::Desired> desired, const Containerd& containerd)
    : list(std::move(desired)), images(ImagesOf(*list)), blobs([containerd](const Digest& digest) {
        return containerd.ReadBlob(digest, kMaxConfigBytes);
      }) {}

grpc::Status PeerService::Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                                grpc::ServerWriter<v1::FetchReply>* writer) {
  const absl::Cleanup leave = [this] { --running_; };
  if (++running_ > kMaxFetches) {
    return ToGrpc(absl::ResourceExhaustedError("this node gives to many others just now"));
  }
  return ToGrpc(Give(*request, context, writer));
}

std::shared_ptr<PeerService::Known> PeerService::Now() {
  std::shared_ptr<const v1::Desired> list = desired_->current();
  if (list == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  if (known_ == nullptr || known_->list != list) {
    known_ = std::make_shared<Known>(std::move(list), containerd_);
  }
  return known_;
}

bool PeerService::IsDesired(const Digest& digest) {
  const std::shared_ptr<Known> known = Now();
  if (known == nullptr) return false;
  for (const v1::DesiredImage& image : known->images) {
    if (image.manifest_digest() == digest.str()) return true;
  }
  for (const v1::DesiredImage& image : known->images) {
    // A manifest that is not here: neither are its blobs, as far as we know.
    const auto blobs = known->blobs.Get(image);
    if (blobs.ok() && (*blobs)->contains(digest)) return true;
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
