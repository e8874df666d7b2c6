#include "common/compression.h"

namespace lighter {
namespace {

using std::string_view_literals::operator""sv;

// zstd's skippable frames: 0x184D2A50 to 0x184D2A5F, little endian.
bool IsSkippableZstdFrame(std::string_view s) {
  return s.size() >= 4 && (static_cast<unsigned char>(s[0]) & 0xf0) == 0x50 &&
         s.substr(1, 3) == "\x2a\x4d\x18"sv;
}

bool IsBzip2(std::string_view s) {
  return s.size() >= 10 && s.starts_with("BZh") && s[3] >= '1' && s[3] <= '9' &&
         (s.substr(4, 6) == "1AY&SY"sv || s.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"sv);
}

}  // namespace

Compression DetectCompression(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b\x08"sv)) return Compression::kGzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::kZstd;
  if (first_bytes.starts_with("\xfd"
                              "7zXZ\0"sv)) {
    return Compression::kXz;
  }
  if (first_bytes.starts_with("\x04\x22\x4d\x18"sv)) return Compression::kLz4;
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
