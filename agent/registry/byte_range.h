// The header Range of HTTP, for one range of bytes (RFC 9110, section 14).
#pragma once

#include <cstdint>
#include <string_view>

namespace lighter {

struct ByteRange {
  enum class Kind {
    kWhole,          // no range that is understood: all of it is meant, as the RFC wants it
    kPart,           // `offset` and `length`, at least one byte
    kUnsatisfiable,  // it starts behind the end
  };

  Kind kind = Kind::kWhole;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// `header` is the value of Range, e.g. "bytes=100-"; `size` that of the whole.
ByteRange ParseByteRange(std::string_view header, uint64_t size);

}  // namespace lighter
