#include "agent/ingest.h"

#include <limits>
#include <optional>

#include "agent/content_write.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace content = containerd::services::content::v1;

absl::Status TryDrop(const Containerd& containerd, const std::string& ref) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> begun, containerd.IngestOffset(ref));
  if (!begun.has_value()) return absl::OkStatus();
  const std::unique_ptr<ContentWrite> write = containerd.OpenWrite();
  content::WriteContentRequest request;
  request.set_action(content::STAT);
  request.set_ref(ref);
  // A size that no write has: else containerd would hash all that is there, holding its database.
  request.set_total(std::numeric_limits<int64_t>::max());
  content::WriteContentResponse reply;
  const bool ours = write->stream->Write(request) && write->stream->Read(&reply);
  // While we hold the ref nobody can begin to write.
  absl::Status dropped = ours ? containerd.AbortIngest(ref) : absl::OkStatus();
  if (ours) write->stream->WritesDone();
  while (write->stream->Read(&reply)) {
  }
  const grpc::Status status = write->stream->Finish();
  if (ours) return dropped;
  if (IsLocked(status)) {
    return absl::AbortedError("another program, perhaps a pull of the kubelet, is writing " + ref);
  }
  return containerd.Explain(status, "drop unfinished write " + ref);
}

}  // namespace

absl::Status DropIngest(const Containerd& containerd, const std::string& ref, absl::Time until) {
  return TryUntilUnlocked(until, [&] { return TryDrop(containerd, ref); });
}

}  // namespace lighter
