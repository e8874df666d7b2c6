// Writes blobs into containerd's content store, resumably.
//
// Refs are those of containerd's own pull ("layer-sha256:..."), so a pull of the same blob at the
// same time waits or finds it done instead of writing twice. A blob is only ever stored under the
// digest that containerd itself computed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/containerd_client.h"

namespace lighter {

enum class BlobKind { kManifest, kConfig, kLayer };

// What is to be written, and under which labels it is committed.
struct BlobTarget {
  BlobKind kind = BlobKind::kLayer;
  Descriptor blob;
  Labels labels;
  std::string image;  // for messages

  std::string ref() const;   // "layer-sha256:..."
  std::string what() const;  // "layer sha256:... of image NAME"
};

// Writes one blob of any size, piece by piece. Not thread-safe.
class BlobWriter {
 public:
  // Starts the write or continues a broken one. Waits some time while another writer holds the ref.
  static absl::StatusOr<std::unique_ptr<BlobWriter>> Open(const Containerd& containerd,
                                                          BlobTarget target);
  // An uncommitted write is closed and can be continued.
  ~BlobWriter();

  // The offset that Write continues from; the blob's size once nothing more is needed.
  uint64_t offset() const { return offset_; }

  // Appends. Keeps a bounded number of pieces in flight and waits when there are more.
  absl::Status Write(std::string data);

  // Commits a fully written blob. DataLoss where its bytes have another digest; what was written is
  // dropped then.
  absl::Status Commit();

 private:
  BlobWriter(const Containerd& containerd, BlobTarget target);

  // Aborted: worth another try.
  absl::Status TryOpen();
  absl::Status AwaitReply();
  absl::Status Broken();  // why the stream ended before its time

  const Containerd containerd_;
  const BlobTarget target_;
  std::unique_ptr<ContentWrite> write_;
  uint64_t offset_ = 0;
  int in_flight_ = 0;
  bool exists_ = false;  // stored by somebody else meanwhile: nothing to do
};

// Writes a small blob at once. OK where it exists already.
absl::Status PutBlob(const Containerd& containerd, const BlobTarget& target,
                     const std::string& data);

}  // namespace lighter
