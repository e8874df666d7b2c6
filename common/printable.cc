#include "common/printable.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status.h"

namespace lighter {
namespace {

struct Character {
  char32_t code;
  size_t bytes;
};

// The character that `text` (not empty) begins with; nothing where that is not UTF-8 (RFC 3629).
std::optional<Character> FirstCharacter(std::string_view text) {
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};  // by the number of bytes
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return Character{lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC0 || lead > 0xF4 || text.size() < bytes) return std::nullopt;
  char32_t code = lead & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return std::nullopt;
    code = code << 6 | (next & 0x3F);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[bytes] || code > 0x10FFFF || surrogate) return std::nullopt;
  return Character{code, bytes};
}

// C0, DEL, C1, line separators, and what turns the direction of writing.
bool ActsOnTerminal(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || code == 0x200E ||
         code == 0x200F || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

std::string Escaped(std::string_view text, std::string_view kept) {
  std::string shown;
  while (!text.empty()) {
    const std::optional<Character> character = FirstCharacter(text);
    const size_t bytes = character.has_value() ? character->bytes : 1;
    const bool plain = character.has_value() && (!ActsOnTerminal(character->code) ||
                                                 kept.find(text[0]) != std::string_view::npos);
    if (plain) {
      shown += text.substr(0, bytes);
    } else {
      for (const unsigned char c : text.substr(0, bytes)) {
        absl::StrAppendFormat(&shown, "\\x%02x", c);
      }
    }
    text.remove_prefix(bytes);
  }
  return shown;
}

}  // namespace

std::string Printable(std::string_view text) { return Escaped(text, "\n\t"); }

std::string OneLine(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return Escaped(text, "");
  return absl::StrCat(Escaped(text.substr(0, max_bytes), ""), "... (", text.size(), " bytes)");
}

std::string Count(size_t n, std::string_view noun) {
  return absl::StrCat(n, " ", ToAbsl(noun), n == 1 ? "" : "s");
}

}  // namespace lighter
