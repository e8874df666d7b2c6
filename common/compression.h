// Tells compressed data by its first bytes, never by a file name.
#pragma once

#include <string_view>

namespace lighter {

enum class Compression { kNone, kGzip, kZstd, kXz, kBzip2, kLz4 };

// Enough first bytes for DetectCompression.
inline constexpr size_t kCompressionMagicBytes = 10;

// By magic number (RFC 1952, RFC 8878 with skippable frames, the xz, bzip2 and lz4 frame formats).
// kNone for anything else.
Compression DetectCompression(std::string_view first_bytes);

// "gzip", "zstd", ...; "none" for kNone.
std::string_view CompressionName(Compression compression);

}  // namespace lighter
