// Caps on everything that comes from a package or a peer, and the sizes that both programs agree
// on.
#pragma once

#include <cstdint>

namespace lighter {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// Payload of one Chunk. Slightly under 1 MiB, so that the message with its framing still fits
// grpc-go's largest pooled buffer (2^20 bytes) when it goes on to containerd.
inline constexpr uint64_t kChunkBytes = kMiB - 4 * kKiB;

// containerd itself reads at most 20 MiB of manifest.json (core/images/archive, jsonLimit).
inline constexpr uint64_t kMaxManifestJsonBytes = 20 * kMiB;
inline constexpr uint64_t kMaxConfigBytes = 16 * kMiB;
inline constexpr uint64_t kMaxHintsBytes = kMiB;
// A list of checksums has a line a file, below 200 bytes.
inline constexpr uint64_t kMaxChecksumListBytes = kMiB;
// Helm refuses chart files over 5 MiB and charts over 100 MiB (3.17.3 and later).
inline constexpr uint64_t kMaxChartFileBytes = 16 * kMiB;
inline constexpr uint64_t kMaxChartBytes = 256 * kMiB;
// Folders and files that the paths of a chart's files name, all together; a large chart's some ten
// thousand.
inline constexpr uint64_t kMaxChartPathParts = 100'000;
// A PKCS#10 request for a P-256 key has about 400 bytes; keys and certificates come alone or, in a
// TLS folder, with a site's own chain.
inline constexpr uint64_t kMaxRequestBytes = 16 * kKiB;
inline constexpr uint64_t kMaxPemBytes = kMiB;
// Entries of one tar; a real bundle has a few hundred.
inline constexpr uint64_t kMaxTarEntries = 1'000'000;
// Of an entry, and of what manifest.json or a link calls one: Linux's PATH_MAX.
inline constexpr uint64_t kMaxNameBytes = 4096;
inline constexpr uint32_t kMaxLayersPerImage = 512;
inline constexpr uint32_t kMaxImagesPerLoad = 4096;
// Names that one request asks about without an image.
inline constexpr uint32_t kMaxLoneNames = 4096;
// Of all images of an archive; each takes some hundred bytes of memory, and manifest.json has room
// for millions.
inline constexpr uint64_t kMaxLayersPerArchive = 100'000;

// One gRPC message between coordinator and agent. A LoadStart carries manifests and names only.
inline constexpr int kMaxMessageBytes = 64 * 1024 * 1024;

}  // namespace lighter
