#include "agent/registry/byte_range.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace lighter {
namespace {

constexpr std::string_view kUnit = "bytes=";

// Digits only; nullopt for anything else and for what does not fit.
std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

ByteRange Part(uint64_t offset, uint64_t length) {
  return {ByteRange::Kind::kPart, offset, length};
}

}  // namespace

ByteRange ParseByteRange(std::string_view header, uint64_t size) {
  const ByteRange whole = {ByteRange::Kind::kWhole, 0, size};
  const ByteRange unsatisfiable = {ByteRange::Kind::kUnsatisfiable, 0, 0};
  if (!header.starts_with(kUnit)) return whole;
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return whole;
  const std::string_view first = header.substr(0, dash);
  const std::string_view last = header.substr(dash + 1);

  if (first.empty()) {  // the last bytes
    const std::optional<uint64_t> count = ParseNumber(last);
    if (!count.has_value()) return whole;
    const uint64_t length = std::min(*count, size);
    return length == 0 ? unsatisfiable : Part(size - length, length);
  }
  const std::optional<uint64_t> begin = ParseNumber(first);
  const std::optional<uint64_t> end = last.empty() ? UINT64_MAX : ParseNumber(last);
  if (!begin.has_value() || !end.has_value() || *end < *begin) return whole;
  if (*begin >= size) return unsatisfiable;
  return Part(*begin, std::min(*end, size - 1) - *begin + 1);
}

}  // namespace lighter
