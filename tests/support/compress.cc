#include "tests/support/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <cstdlib>

#include "common/limits.h"

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
  std::string out;
  std::string buffer(kMiB, '\0');
  int result = Z_OK;
  do {
    // zlib counts in 32 bits: a piece at a time.
    const std::string_view piece = data.substr(0, kMiB);
    data.remove_prefix(piece.size());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      result = deflate(&stream, data.empty() ? Z_FINISH : Z_NO_FLUSH);
      if (result == Z_STREAM_ERROR) std::abort();
      out.append(buffer, 0, buffer.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (result != Z_STREAM_END);
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
