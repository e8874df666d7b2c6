#include "agent/desired/node_content.h"

#include <optional>

#include "common/status.h"

namespace lighter {

absl::StatusOr<uint64_t> NodeContent::Size(const Digest& digest) {
  const absl::StatusOr<std::optional<uint64_t>> here = containerd_.BlobSize(digest);
  if (here.ok() && here->has_value()) return **here;
  const std::shared_ptr<const v1::Desired> list = desired_->current();
  if (list == nullptr) return absl::NotFoundError("there is no desired list yet");
  return peers_->Size(*list, digest, calls_);
}

absl::Status NodeContent::Read(const Digest& digest, uint64_t offset, const BlobSink& sink,
                               CallGroup* group) {
  const absl::StatusOr<std::optional<uint64_t>> here = containerd_.BlobSize(digest);
  if (here.ok() && here->has_value()) {
    if (offset >= **here) return absl::OkStatus();
    absl::Status refused;
    const absl::Status read = containerd_.StreamBlob(digest, offset, 0, [&](std::string_view part) {
      refused = sink(part);
      if (refused.ok()) offset += part.size();
      return refused;
    });
    if (read.ok() || !refused.ok()) return read;
    // Its disk is broken, or it goes away just now: the rest comes from others.
  }
  const std::shared_ptr<const v1::Desired> list = desired_->current();
  if (list == nullptr) return absl::NotFoundError("there is no desired list yet");
  return peers_->Fetch(*list, digest, offset, sink, group);
}

}  // namespace lighter
