#include "common/compression.h"

namespace lighter {
namespace {

// The magic numbers that a stream starts with, at their full length.
constexpr std::string_view kGzip("\x1f\x8b\x08", 3);
constexpr std::string_view kZstd("\x28\xb5\x2f\xfd", 4);
constexpr std::string_view kXz("\xfd\x37\x7a\x58\x5a\x00", 6);
constexpr std::string_view kLz4("\x04\x22\x4d\x18", 4);
// After "BZh" and a digit: of a first block, or of an empty stream's end.
constexpr std::string_view kBzip2Block("\x31\x41\x59\x26\x53\x59", 6);
constexpr std::string_view kBzip2End("\x17\x72\x45\x38\x50\x90", 6);

// zstd's skippable frames: 0x184D2A50 to 0x184D2A5F, little endian.
bool IsSkippableZstdFrame(std::string_view s) {
  return s.size() >= 4 && (static_cast<unsigned char>(s[0]) & 0xf0) == 0x50 &&
         s.substr(1, 3) == "\x2a\x4d\x18";
}

bool IsBzip2(std::string_view s) {
  return s.size() >= 10 && s.starts_with("BZh") && s[3] >= '1' && s[3] <= '9' &&
         (s.substr(4, 6) == kBzip2Block || s.substr(4, 6) == kBzip2End);
}

}  // namespace

Compression DetectCompression(std::string_view first_bytes) {
  if (first_bytes.starts_with(kGzip)) return Compression::kGzip;
  if (first_bytes.starts_with(kZstd)) return Compression::kZstd;
  if (first_bytes.starts_with(kXz)) return Compression::kXz;
  if (first_bytes.starts_with(kLz4)) return Compression::kLz4;
  if (IsBzip2(first_bytes)) return Compression::kBzip2;
  if (IsSkippableZstdFrame(first_bytes)) return Compression::kZstd;
  return Compression::kNone;
}

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kXz:
      return "xz";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kLz4:
      return "lz4";
    case Compression::kNone:
      break;
  }
  return "none";
}

}  // namespace lighter
