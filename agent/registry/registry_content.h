// What the node's own registry serves from: an interface, so that it knows nothing of containerd
// and of other nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/digest.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// Takes the next bytes of a blob; an error ends the reading and is returned from it.
using BlobSink = std::function<absl::Status(std::string_view)>;

// Thread-safe.
class RegistryContent {
 public:
  virtual ~RegistryContent() = default;

  // The list that the agent acts on; null where there is none yet.
  virtual std::shared_ptr<const v1::Desired> desired() const = 0;

  // Bytes of a blob that this node or another one holds; NotFound where none does.
  virtual absl::StatusOr<uint64_t> Size(const Digest& digest) = 0;

  // Gives the blob from `offset` on to `sink`. The bytes are not hashed: who pulls does that.
  virtual absl::Status Read(const Digest& digest, uint64_t offset, const BlobSink& sink) = 0;
};

}  // namespace lighter
