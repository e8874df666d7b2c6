#include "coordinator/transfer/node_stream.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

std::string HostName() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

NodeStream::NodeStream(const LoadWork& work, const NodeEndpoint& node,
                       std::function<void(const v1::LoadReply&)> on_reply, absl::Time deadline)
    : work_(work), node_(node), on_reply_(std::move(on_reply)) {
  if (deadline != absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline));
  stream_ = node.stub->Load(&context_);
  reader_ = std::thread([this] { ReadReplies(); });
}

NodeStream::~NodeStream() {
  if (closed_) return;
  Cancel();
  Close().IgnoreError();
}

void NodeStream::ReadReplies() {
  v1::LoadReply reply;
  while (stream_->Read(&reply)) {
    on_reply_(reply);
    if (reply.has_progress()) continue;
    const std::lock_guard lock(mutex_);
    if (reply.has_need()) {
      received_need_ = std::move(*reply.mutable_need());
    } else if (reply.has_staged()) {
      staged_ = true;
    } else if (reply.has_proof()) {
      proofs_.push_back(std::move(*reply.mutable_proof()));
    } else if (reply.has_done()) {
      done_ = true;
    }
    news_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  news_.notify_all();
}

// The stream's own status tells why it ended; an agent that ends it with OK too early is at fault.
absl::Status NodeStream::Close() {
  closed_ = true;
  reader_.join();
  absl::Status status = FromGrpc(stream_->Finish());
  if (!status.ok()) return status;
  return absl::InternalError("the agent ended the load before it was finished");
}

absl::StatusOr<v1::Need> NodeStream::Start() {
  v1::LoadRequest request;
  v1::LoadStart& start = *request.mutable_start();
  start.set_run_id(work_.run_id);
  start.set_origin(HostName());
  for (const v1::Image* image : ImagesFor(work_.images, node_)) *start.add_images() = *image;
  if (!Send(request)) return Close();
  {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return received_need_.has_value() || ended_; });
    if (received_need_.has_value()) {
      need_ = *received_need_;
      return need_;
    }
  }
  return Close();
}

absl::Status NodeStream::Stage() {
  for (int i = 0; i < need_.blobs_size(); ++i) {
    RETURN_IF_ERROR(SendBlob(static_cast<uint32_t>(i)));
  }
  {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return staged_ || ended_; });
    if (staged_) return absl::OkStatus();
  }
  return Close();
}

absl::Status NodeStream::SendBlob(uint32_t index) {
  const v1::BlobNeed& need = need_.blobs(static_cast<int>(index));
  const auto it = work_.blobs.find(need.digest());
  if (it == work_.blobs.end() || need.size() != it->second.size || need.offset() > need.size()) {
    Cancel();
    Close().IgnoreError();
    return absl::InternalError(
        absl::StrCat("the agent asks for a blob that is not in this load: ", need.digest()));
  }
  const BlobLocation& blob = it->second;
  v1::LoadRequest request;
  v1::Chunk& chunk = *request.mutable_chunk();
  chunk.set_need(index);
  for (uint64_t offset = need.offset(); offset < blob.size;) {
    const uint64_t size = std::min(kChunkBytes, blob.size - offset);
    chunk.set_offset(offset);
    chunk.mutable_data()->resize(size);
    absl::Status read = blob.file->ReadAt(blob.offset + offset, chunk.mutable_data()->data(), size);
    if (!read.ok()) {
      Cancel();
      Close().IgnoreError();
      return Annotate(read, blob.entry);
    }
    if (!Send(request)) return Close();
    offset += size;
    sent_bytes_ += size;
  }
  return absl::OkStatus();
}

bool NodeStream::Ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

absl::StatusOr<std::vector<v1::Proof>> NodeStream::Finish(v1::Finish::Action action) {
  v1::LoadRequest request;
  request.mutable_finish()->set_action(action);
  if (Send(request)) stream_->WritesDone();
  closed_ = true;
  reader_.join();
  RETURN_IF_ERROR(FromGrpc(stream_->Finish()));
  const std::lock_guard lock(mutex_);
  if (!done_) return absl::InternalError("the agent ended the load before it was finished");
  return std::move(proofs_);
}

}  // namespace lighter
