#include "coordinator/package/ustar.h"

#include "absl/strings/str_format.h"

namespace lighter {
namespace {

// "What does not fit into 11 octal digits is binary, with the top bit set" (GNU tar, "Basic Tar
// Format").
std::string SizeField(uint64_t size) {
  constexpr uint64_t kFirstTooLarge = 1ULL << 33;
  if (size < kFirstTooLarge) return absl::StrFormat("%011o", size);
  std::string field(12, '\0');
  for (size_t i = field.size(); size > 0; size >>= 8) field[--i] = static_cast<char>(size & 0xff);
  field[0] = '\x80';
  return field;
}

}  // namespace

std::string UstarHeader(const std::string& name, unsigned mode, uint64_t size) {
  std::string header(kTarBlock, '\0');
  const auto put = [&](size_t at, const std::string& field) {
    header.replace(at, field.size(), field);
  };
  put(0, name);
  put(100, absl::StrFormat("%07o", mode));
  put(108, "0000000");
  put(116, "0000000");
  put(124, SizeField(size));
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, absl::StrFormat("%06o", sum) + std::string("\0 ", 2));
  return header;
}

std::string TarPadding(uint64_t size) {
  return std::string((kTarBlock - size % kTarBlock) % kTarBlock, '\0');
}

std::string TarEnd() { return std::string(2 * kTarBlock, '\0'); }

}  // namespace lighter
