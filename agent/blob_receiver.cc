#include "agent/blob_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {

BlobReceiver::BlobReceiver(Containerd containerd, std::vector<MissingBlob> blobs,
                           std::function<absl::Status(const BlobTarget&)> stored)
    : containerd_(std::move(containerd)), blobs_(std::move(blobs)), stored_(std::move(stored)) {}

absl::Status BlobReceiver::Accept(v1::Chunk chunk) {
  if (complete()) return absl::InvalidArgumentError("a chunk came after the last needed blob");
  MissingBlob& blob = blobs_[current_];
  const uint64_t size = chunk.data().size();
  if (chunk.need() != current_ || chunk.offset() != blob.offset) {
    return absl::InvalidArgumentError(absl::StrCat(
        "chunk of blob ", chunk.need(), " at offset ", chunk.offset(), " came where blob ",
        current_, " (", blob.target.what(), ") at offset ", blob.offset, " was due"));
  }
  if (size == 0 || size > kChunkBytes || size > blob.target.blob.size - blob.offset) {
    return absl::InvalidArgumentError(
        absl::StrCat("a chunk of ", size, " bytes at offset ", blob.offset, " does not fit ",
                     blob.target.what(), " of ", blob.target.blob.size, " bytes"));
  }
  blob.offset += size;
  received_bytes_ += size;
  RETURN_IF_ERROR(WriteNew(std::move(chunk)));
  return FinishComplete();
}

absl::Status BlobReceiver::WriteNew(v1::Chunk chunk) {
  if (writer_ == nullptr) {
    ASSIGN_OR_RETURN(writer_, BlobWriter::Open(containerd_, blobs_[current_].target));
  }
  // A pull of the same blob may have brought containerd further than we knew.
  if (writer_->offset() < chunk.offset()) {
    return absl::AbortedError(
        absl::StrCat("containerd dropped the first part of ", blobs_[current_].target.what(),
                     " that an earlier load had brought; load again, it will be sent whole"));
  }
  const uint64_t known = writer_->offset() - chunk.offset();
  if (known >= chunk.data().size()) return absl::OkStatus();
  if (known == 0) return writer_->Write(std::move(*chunk.mutable_data()));
  return writer_->Write(chunk.data().substr(known));
}

absl::Status BlobReceiver::FinishComplete() {
  while (!complete() && blobs_[current_].offset == blobs_[current_].target.blob.size) {
    const BlobTarget& target = blobs_[current_].target;
    if (writer_ == nullptr) {
      ASSIGN_OR_RETURN(writer_, BlobWriter::Open(containerd_, target));
      if (writer_->offset() < target.blob.size) {
        return absl::AbortedError(absl::StrCat("containerd dropped ", target.what(),
                                               " that an earlier load had brought; load again"));
      }
    }
    RETURN_IF_ERROR(writer_->Commit());
    writer_ = nullptr;
    RETURN_IF_ERROR(stored_(target));
    ++current_;
  }
  return absl::OkStatus();
}

}  // namespace lighter
