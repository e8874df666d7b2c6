// Foreign text on a terminal: what is shown acts on nothing, and is valid UTF-8.
#include <nlohmann/json.hpp>

#include "common/printable.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

void CheckShown(const std::string& shown, std::string_view allowed) {
  for (const char c : shown) {
    REQUIRE((static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) ||
            allowed.find(c) != std::string_view::npos);
  }
  // Throws where it is not UTF-8.
  (void)nlohmann::json(shown).dump();
  for (const char* turning :
       {"\u061C", "\u200E", "\u200F", "\u202E", "\u2066", "\u2069", "\u0085"}) {
    REQUIRE(shown.find(turning) == std::string::npos);
  }
  REQUIRE(Printable(shown) == shown);
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const std::string_view text = fuzz::AsText(data, size);
  CheckShown(Printable(text), "\n\t");
  CheckShown(OneLine(text), "");
  CheckShown(OneLine(text, 7), "");
  return 0;
}
