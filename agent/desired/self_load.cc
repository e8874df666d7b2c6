#include "agent/desired/self_load.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

using Stream = grpc::ClientReaderWriterInterface<v1::LoadRequest, v1::LoadReply>;

// Takes the replies on a thread of its own: an in-process channel has no buffer, so who writes
// without reading may wait for ever.
class Replies {
 public:
  Replies(Stream& stream, const std::function<void(const std::string&)>& doing)
      : reader_([this, &stream, &doing] {
          v1::LoadReply reply;
          while (stream.Read(&reply)) {
            if (reply.has_progress()) doing(reply.progress().step());
            const std::lock_guard lock(mutex_);
            if (reply.has_need()) need_ = reply.need();
            staged_ = staged_ || reply.has_staged();
            changed_.notify_all();
          }
          const std::lock_guard lock(mutex_);
          ended_ = true;
          changed_.notify_all();
        }) {}
  // The stream must end by itself or be cancelled.
  ~Replies() { reader_.join(); }

  // Nothing where the stream ended first.
  std::optional<v1::Need> AwaitNeed() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return need_.has_value() || ended_; });
    return need_;
  }
  bool AwaitStaged() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return staged_ || ended_; });
    return staged_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<v1::Need> need_;
  bool staged_ = false;
  bool ended_ = false;
  std::thread reader_;
};

// One needed blob from its offset to its end.
absl::Status SendBlob(Stream& stream, const FetchBlob& fetch, const v1::BlobNeed& need,
                      uint32_t index) {
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(need.digest()));
  uint64_t offset = need.offset();
  const auto send = [&](std::string_view bytes) -> absl::Status {
    for (size_t at = 0; at < bytes.size(); at += kChunkBytes) {
      const std::string_view part = bytes.substr(at, kChunkBytes);
      v1::LoadRequest request;
      request.mutable_chunk()->set_need(index);
      request.mutable_chunk()->set_offset(offset);
      request.mutable_chunk()->set_data(std::string(part));
      if (!stream.Write(request)) return absl::AbortedError("the load ended");
      offset += part.size();
    }
    return absl::OkStatus();
  };
  if (offset >= need.size()) return absl::OkStatus();
  RETURN_IF_ERROR(fetch(digest, offset, send));
  if (offset == need.size()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(digest.str(), " came with ", offset, " bytes of ",
                                             need.size(), " from another node"));
}

absl::Status Drive(Stream& stream, Replies& replies, std::vector<v1::Image> images,
                   const FetchBlob& fetch) {
  v1::LoadRequest request;
  request.mutable_start()->set_run_id("desired list");
  request.mutable_start()->set_origin("this node itself");
  for (v1::Image& image : images) *request.mutable_start()->add_images() = std::move(image);
  stream.Write(request);
  const std::optional<v1::Need> need = replies.AwaitNeed();
  if (!need.has_value()) return absl::AbortedError("the load ended");
  for (int i = 0; i < need->blobs_size(); ++i) {
    RETURN_IF_ERROR(SendBlob(stream, fetch, need->blobs(i), static_cast<uint32_t>(i)));
  }
  if (!replies.AwaitStaged()) return absl::AbortedError("the load ended");
  request.mutable_finish()->set_action(v1::Finish::PUBLISH);
  stream.Write(request);
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadFromPeers(v1::Agent::StubInterface& agent, std::vector<v1::Image> images,
                           const FetchBlob& fetch, CallGroup& group,
                           const std::function<void(const std::string&)>& doing) {
  Call call({"", &group}, std::nullopt);
  const std::unique_ptr<Stream> stream = agent.Load(&call.context());
  absl::Status driven;
  try {
    Replies replies(*stream, doing);
    driven = Drive(*stream, replies, std::move(images), fetch);
    // What came stays under the load's lease, and the next try continues. A load that ended by
    // itself still has to say why.
    if (!driven.ok() && !absl::IsAborted(driven)) call.context().TryCancel();
  } catch (const std::system_error& error) {
    driven = absl::UnavailableError(absl::StrCat("no thread is left: ", error.what()));
    call.context().TryCancel();
  }
  const absl::Status ended = FromGrpc(stream->Finish());
  // Where the load ended by itself, it says why; where we broke it off, we know why.
  if (absl::IsAborted(driven) || driven.ok())
    return absl::IsCancelled(ended) && group.cancelled() ? absl::CancelledError("stopped") : ended;
  return driven;
}

}  // namespace lighter
