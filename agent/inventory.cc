#include "agent/inventory.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/status.h"

namespace lighter {
namespace {

class LackFinder {
 public:
  LackFinder(const Containerd& containerd, const std::string& snapshotter)
      : containerd_(containerd), snapshotter_(snapshotter) {}

  absl::Status Add(const CheckedImage& image) {
    BlobTarget config{BlobKind::kConfig, image.config, {}, image.label};
    if (image.top_chain_id().has_value()) {
      config.labels[SnapshotRefLabel(snapshotter_)] = image.top_chain_id()->str();
    }
    RETURN_IF_ERROR(AddBlob(std::move(config)));

    // Parents of a snapshot exist with it, so the search goes from the top down.
    size_t missing = image.layers.size();
    while (missing > 0) {
      const Digest& chain_id = image.layers[missing - 1].chain_id;
      ASSIGN_OR_RETURN(const bool present, Present(chain_id));
      if (present) {
        if (bases_.insert(chain_id).second) lack_.bases.push_back(chain_id);
        break;
      }
      --missing;
    }
    for (size_t i = missing; i < image.layers.size(); ++i) {
      RETURN_IF_ERROR(AddLayer(image, i));
    }
    return absl::OkStatus();
  }

  Lack Take() { return std::move(lack_); }

 private:
  absl::StatusOr<bool> Present(const Digest& chain_id) {
    const auto known = present_.find(chain_id);
    if (known != present_.end()) return known->second;
    ASSIGN_OR_RETURN(const bool present, containerd_.HasSnapshot(snapshotter_, chain_id));
    present_.emplace(chain_id, present);
    return present;
  }

  absl::Status AddLayer(const CheckedImage& image, size_t i) {
    const CheckedLayer& layer = image.layers[i];
    if (!planned_.insert(layer.chain_id).second) return absl::OkStatus();
    UnpackStep& step = lack_.steps.emplace_back();
    step.layer = layer;
    if (i > 0) step.parent = image.layers[i - 1].chain_id;
    step.image = image.label;
    step.number = i + 1;
    step.count = image.layers.size();
    return AddBlob({BlobKind::kLayer,
                    layer.blob,
                    {{"containerd.io/uncompressed", layer.diff_id.str()}},
                    image.label});
  }

  absl::Status AddBlob(BlobTarget target) {
    if (!looked_up_.insert(target.blob.digest).second) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto found, containerd_.FindBlob(target.blob.digest));
    if (found.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto begun, containerd_.IngestOffset(target.ref()));
    const uint64_t offset = begun.value_or(0);
    const bool start_over = offset > kMaxResumeBytes || offset > target.blob.size;
    lack_.blobs.push_back({std::move(target), start_over ? 0 : offset, start_over});
    return absl::OkStatus();
  }

  const Containerd& containerd_;
  const std::string& snapshotter_;
  Lack lack_;
  std::map<Digest, bool> present_;
  std::set<Digest> planned_;
  std::set<Digest> bases_;
  std::set<Digest> looked_up_;
};

}  // namespace

absl::StatusOr<Lack> FindLack(const Containerd& containerd, const std::string& snapshotter,
                              const std::vector<const CheckedImage*>& images) {
  LackFinder finder(containerd, snapshotter);
  for (const CheckedImage* image : images) RETURN_IF_ERROR(finder.Add(*image));
  return finder.Take();
}

std::string SnapshotRefLabel(const std::string& snapshotter) {
  return "containerd.io/gc.ref.snapshot." + snapshotter;
}

FreeSpace FindFreeSpace(const Containerd& containerd) {
  const absl::StatusOr<std::string> root = containerd.ContentFolder();
  struct statvfs stat;
  if (!root.ok() || root->empty() || ::statvfs(root->c_str(), &stat) != 0) return {};
  // 0 means unknown. So it does for inodes, of which some file systems have no fixed number.
  const uint64_t bytes = static_cast<uint64_t>(stat.f_bavail) * stat.f_frsize;
  return {std::max<uint64_t>(1, bytes), stat.f_favail,
          static_cast<uint64_t>(stat.f_blocks) * stat.f_frsize};
}

}  // namespace lighter
