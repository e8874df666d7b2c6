#include "agent/blob_writer.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/content_write.h"
#include "agent/ingest.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace content = containerd::services::content::v1;

// Pieces handed to containerd and not yet acknowledged; their replies are drained as they come.
constexpr int kMaxInFlight = 8;
constexpr absl::Duration kLockTimeout = absl::Seconds(30);

std::string_view KindName(BlobKind kind) {
  switch (kind) {
    case BlobKind::kManifest:
      return "manifest";
    case BlobKind::kConfig:
      return "config";
    case BlobKind::kLayer:
      return "layer";
  }
  return "blob";
}

content::WriteContentRequest FirstRequest(const BlobTarget& target, content::WriteAction action) {
  content::WriteContentRequest request;
  request.set_action(action);
  request.set_ref(target.ref());
  request.set_total(static_cast<int64_t>(target.blob.size));
  request.set_expected(target.blob.digest.str());
  return request;
}

bool IsWrongContent(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION &&
         absl::StrContains(status.error_message(), "unexpected commit");
}

absl::Status WrongContent(const Containerd& containerd, const BlobTarget& target,
                          const std::string& cause) {
  const absl::Status aborted = DropIngest(containerd, target.ref(), absl::Now() + kLockTimeout);
  return absl::DataLossError(absl::StrCat(
      "the bytes that came for ", target.what(), " are not those of that digest (", cause,
      "); nothing was stored under a wrong digest",
      aborted.ok() ? "" : absl::StrCat("; dropping them failed: ", aborted.message())));
}

}  // namespace

std::string BlobTarget::ref() const {
  return absl::StrCat(ToAbsl(KindName(kind)), "-", blob.digest.str());
}

std::string BlobTarget::what() const {
  return absl::StrCat(ToAbsl(KindName(kind)), " ", blob.digest.str(), " of image ", image);
}

BlobWriter::BlobWriter(const Containerd& containerd, BlobTarget target)
    : containerd_(containerd), target_(std::move(target)) {}

BlobWriter::~BlobWriter() {
  if (write_ == nullptr) return;
  write_->call.context().TryCancel();
  write_->stream->Finish();
}

absl::StatusOr<std::unique_ptr<BlobWriter>> BlobWriter::Open(const Containerd& containerd,
                                                             BlobTarget target) {
  std::unique_ptr<BlobWriter> writer(new BlobWriter(containerd, std::move(target)));
  RETURN_IF_ERROR(
      TryUntilUnlocked(absl::Now() + kLockTimeout, [&writer] { return writer->TryOpen(); }));
  return writer;
}

absl::Status BlobWriter::TryOpen() {
  write_ = containerd_.OpenWrite();
  content::WriteContentResponse reply;
  if (write_->stream->Write(FirstRequest(target_, content::STAT)) && write_->stream->Read(&reply)) {
    offset_ = static_cast<uint64_t>(reply.offset());
    if (offset_ <= target_.blob.size) return absl::OkStatus();
    // Somebody left more than the blob has under this ref, which nobody but us holds now.
    const absl::Status dropped = containerd_.AbortIngest(target_.ref());
    write_->call.context().TryCancel();
    write_->stream->Finish();
    write_ = nullptr;
    RETURN_IF_ERROR(dropped);
    return absl::AbortedError(target_.what() + ": the bytes of an earlier write were too many");
  }
  const grpc::Status status = std::exchange(write_, nullptr)->stream->Finish();
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) {
    exists_ = true;
    offset_ = target_.blob.size;
    return absl::OkStatus();
  }
  if (IsLocked(status)) {
    return absl::AbortedError(
        absl::StrCat("another program, perhaps a pull of the kubelet, is writing ", target_.what(),
                     " and did not end within ", absl::FormatDuration(kLockTimeout)));
  }
  return containerd_.Explain(status, "begin to store " + target_.what());
}

absl::Status BlobWriter::Broken() {
  content::WriteContentResponse reply;
  while (write_->stream->Read(&reply)) {
  }
  const grpc::Status status = std::exchange(write_, nullptr)->stream->Finish();
  if (IsWrongContent(status)) return WrongContent(containerd_, target_, status.error_message());
  if (status.ok()) return absl::InternalError("containerd ended the write of " + target_.what());
  return containerd_.Explain(status, "store " + target_.what());
}

absl::Status BlobWriter::AwaitReply() {
  content::WriteContentResponse reply;
  if (!write_->stream->Read(&reply)) return Broken();
  --in_flight_;
  return absl::OkStatus();
}

absl::Status BlobWriter::Write(std::string data) {
  if (exists_) return absl::OkStatus();
  while (in_flight_ >= kMaxInFlight) RETURN_IF_ERROR(AwaitReply());
  content::WriteContentRequest request;
  request.set_action(content::WRITE);
  request.set_offset(static_cast<int64_t>(offset_));
  offset_ += data.size();
  request.set_data(std::move(data));
  if (!write_->stream->Write(request)) return Broken();
  ++in_flight_;
  return absl::OkStatus();
}

absl::Status BlobWriter::Commit() {
  if (exists_) return absl::OkStatus();
  content::WriteContentRequest request = FirstRequest(target_, content::COMMIT);
  request.set_offset(static_cast<int64_t>(offset_));
  request.mutable_labels()->insert(target_.labels.begin(), target_.labels.end());
  if (!write_->stream->Write(request)) return Broken();
  while (in_flight_ > 0) RETURN_IF_ERROR(AwaitReply());
  // containerd answers a commit twice.
  content::WriteContentResponse reply;
  while (write_->stream->Read(&reply)) {
  }
  const grpc::Status status = std::exchange(write_, nullptr)->stream->Finish();
  if (status.ok() && reply.digest() == target_.blob.digest.str()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return absl::OkStatus();
  if (status.ok() || IsWrongContent(status)) {
    return WrongContent(containerd_, target_, status.error_message());
  }
  return containerd_.Explain(status, "store " + target_.what());
}

absl::Status PutBlob(const Containerd& containerd, const BlobTarget& target,
                     const std::string& data) {
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer, BlobWriter::Open(containerd, target));
  if (writer->offset() < data.size()) {
    RETURN_IF_ERROR(writer->Write(data.substr(writer->offset())));
  }
  return writer->Commit();
}

}  // namespace lighter
