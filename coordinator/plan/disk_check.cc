#include "coordinator/plan/disk_check.h"

#include <zstd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/compression.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

constexpr uint64_t kZstdHeaderBytes = 18;  // RFC 8878, 3.1.1: magic number and frame header
constexpr uint64_t kGzipSizeBytes = 4;     // RFC 1952: ISIZE, the last of a member
constexpr uint64_t kUnknownRatio = 3;
// mke2fs makes an inode for so many bytes; how many files a layer has is in none of its headers.
constexpr uint64_t kBytesOfAFile = 16 * kKiB;
constexpr uint64_t kMaxUnpackedBytes = 1024 * kGiB;  // more is a header that lies

uint64_t LittleEndian(const std::string& bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

absl::StatusOr<uint64_t> UnpackedSize(const BlobLocation& blob) {
  ASSIGN_OR_RETURN(const std::string head,
                   blob.file->ReadAt(blob.offset, std::min<uint64_t>(blob.size, kZstdHeaderBytes)));
  const uint64_t guess = blob.size * kUnknownRatio;
  switch (DetectCompression(head)) {
    case Compression::kNone:
      return blob.size;
    case Compression::kGzip: {
      if (blob.size < kGzipSizeBytes) return guess;
      ASSIGN_OR_RETURN(const std::string tail,
                       blob.file->ReadAt(blob.offset + blob.size - kGzipSizeBytes, kGzipSizeBytes));
      const uint64_t size = LittleEndian(tail);
      // Deflate stores what it cannot shrink with less than a thousandth more.
      return size + size / 1000 + head.size() >= blob.size ? size : guess;
    }
    case Compression::kZstd: {
      const unsigned long long size = ZSTD_getFrameContentSize(head.data(), head.size());
      const bool is_known = size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR;
      return is_known && size >= blob.size / 2 && size <= kMaxUnpackedBytes ? size : guess;
    }
    default:
      return guess;
  }
}

// Why the load must not begin on this node; OK when it may.
absl::Status CheckDisk(const NodeDisk& disk, const KubeletConfig* kubelet) {
  const auto needs = [&] {
    return absl::StrCat(FormatBytes(disk.stored_bytes), " to move and ",
                        FormatBytes(disk.unpacked_bytes), " unpacked, and ",
                        FormatBytes(disk.free_bytes), " of containerd's disk is free");
  };
  constexpr char kWayOut[] =
      "; make room (`lighter prune`, `crictl rmi --prune`) or a larger disk, and run the same "
      "command again, or keep large images away from this node (--place)";
  if (disk.need_bytes() > disk.free_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("E-DISK-FULL: the images do not fit: ", needs(), kWayOut));
  }
  const uint64_t reserve = kubelet == nullptr ? 0 : kubelet->eviction.Of(disk.total_bytes);
  if (disk.free_bytes - disk.need_bytes() < reserve) {
    return absl::ResourceExhaustedError(
        absl::StrCat("E-DISK-PRESSURE: the kubelet would evict pods and delete images: ", needs(),
                     ", of which ", FormatBytes(reserve), " must stay so (evictionHard)", kWayOut));
  }
  return absl::OkStatus();
}

std::string CollectionNote(const NodeDisk& disk, const KubeletConfig* kubelet) {
  if (kubelet == nullptr || disk.total_bytes == 0) return "";
  const uint64_t used = disk.total_bytes - std::min(disk.total_bytes, disk.free_bytes);
  const double percent =
      100.0 * static_cast<double>(used + disk.need_bytes()) / static_cast<double>(disk.total_bytes);
  if (percent < kubelet->gc_percent) return "";
  return absl::StrCat("N-DISK-GC: over ", kubelet->gc_percent,
                      " % of containerd's disk will be used, and the kubelet deletes images that "
                      "nothing uses; what lighter holds it spares, or it is brought back");
}

std::string InodesNote(const NodeDisk& disk, uint64_t free_inodes) {
  if (free_inodes == 0 || free_inodes >= disk.unpacked_bytes / kBytesOfAFile) return "";
  return absl::StrCat("N-DISK-INODES: only ", free_inodes,
                      " inodes of containerd's disk are free (`df -i`): layers with many small "
                      "files may not fit");
}

}  // namespace

absl::StatusOr<std::map<std::string, uint64_t>> UnpackedSizes(const LoadWork& work) {
  std::map<std::string, uint64_t> sizes;
  for (const v1::Image& image : work.images) {
    for (const v1::Layer& layer : image.layers()) {
      const std::string& digest = layer.blob().digest();
      if (sizes.contains(digest)) continue;
      ASSIGN_OR_RETURN(sizes[digest], UnpackedSize(work.blobs.at(digest)));
    }
  }
  return sizes;
}

void CheckDisks(const std::map<std::string, uint64_t>& unpacked_sizes,
                const std::map<std::string, KubeletConfig>& kubelets,
                std::vector<NodePlan>& nodes) {
  for (NodePlan& node : nodes) {
    if (!node.status.ok()) continue;
    node.disk = {.free_bytes = node.inventory.free_bytes(),
                 .total_bytes = node.inventory.total_bytes(),
                 .stored_bytes = node.missing_bytes()};
    for (const std::string& digest : node.inventory.to_unpack()) {
      const auto size = unpacked_sizes.find(digest);
      if (size != unpacked_sizes.end()) node.disk.unpacked_bytes += size->second;
    }
    if (node.disk.need_bytes() == 0 || node.disk.free_bytes == 0) continue;
    const auto kubelet = kubelets.find(node.name);
    const KubeletConfig* const config = kubelet == kubelets.end() ? nullptr : &kubelet->second;
    node.status = CheckDisk(node.disk, config);
    if (!node.status.ok()) continue;
    std::vector<std::string> notes = {CollectionNote(node.disk, config),
                                      InodesNote(node.disk, node.inventory.free_inodes())};
    std::erase(notes, "");
    node.disk.note = absl::StrJoin(notes, "; ");
  }
}

}  // namespace lighter
