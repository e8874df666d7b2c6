#include "tests/support/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <cstdlib>

namespace lighter::support {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 16: a gzip header instead of zlib's
constexpr int kGzipMemory = 8;
constexpr int kZstdLevel = 3;

std::string Gzip(std::string_view data) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kGzipMemory,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    std::abort();
  }
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(std::string_view data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), kZstdLevel);
  if (ZSTD_isError(size)) std::abort();
  out.resize(size);
  return out;
}

}  // namespace

std::string Compress(std::string_view data, Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return std::string(data);
    case Compression::kGzip:
      return Gzip(data);
    case Compression::kZstd:
      return Zstd(data);
    default:
      std::abort();
  }
}

}  // namespace lighter::support
