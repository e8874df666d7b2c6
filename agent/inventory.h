// What a node lacks for a set of images. Read-only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/blob_writer.h"
#include "agent/checked_image.h"
#include "agent/containerd_client.h"

namespace lighter {

// A broken write is continued only up to this size: containerd hashes what is there again while it
// holds its one database lock, and everything else on the node waits for that.
inline constexpr uint64_t kMaxResumeBytes = 256ULL * 1024 * 1024;

struct MissingBlob {
  BlobTarget target;
  uint64_t offset = 0;      // bytes that are there already and will be continued
  bool start_over = false;  // more is there than is worth continuing; drop it before writing
};

// A snapshot to be made from a layer.
struct UnpackStep {
  CheckedLayer layer;
  std::optional<Digest> parent;  // chain ID below; nullopt for a first layer
  std::string image;             // for messages, with "layer number/count"
  size_t number = 0;
  size_t count = 0;
};

struct Lack {
  std::vector<MissingBlob> blobs;  // each once; of each image the config first, then its layers
  std::vector<UnpackStep> steps;   // each once, parents before children
  // Present snapshots that the images build on or end in; the lease must hold them.
  std::vector<Digest> bases;
};

// A layer whose snapshot exists costs nothing, whether or not its blob exists.
absl::StatusOr<Lack> FindLack(const Containerd& containerd, const std::string& snapshotter,
                              const std::vector<const CheckedImage*>& images);

// The label that lets a config hold its image's snapshots.
std::string SnapshotRefLabel(const std::string& snapshotter);

// Space on the file system of containerd's root; zeros where this process cannot see it, 1 byte
// where it is full.
struct FreeSpace {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  uint64_t total_bytes = 0;  // used ones included
};
FreeSpace FindFreeSpace(const Containerd& containerd);

}  // namespace lighter
