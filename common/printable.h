// Text of foreign origin (packages, agents, helm, kubectl) made safe for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lighter {

// How much of one foreign string is shown.
inline constexpr size_t kMaxShownBytes = 1000;

// `text` with everything that a terminal would act on as visible "\x1b": control characters but
// '\n' and '\t', bytes that are not UTF-8, characters that turn the direction of writing.
std::string Printable(std::string_view text);

// One foreign string as part of a line: '\n' and '\t' are escaped, too, and of a longer one only
// the first `max_bytes` are kept.
std::string OneLine(std::string_view text, size_t max_bytes = kMaxShownBytes);

// "1 node", "3 nodes".
std::string Count(size_t n, std::string_view noun);

}  // namespace lighter
