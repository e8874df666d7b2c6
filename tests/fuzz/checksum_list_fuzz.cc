// A vendor's checksum file, and after a line "%%" the name that is looked up in it.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/printable.h"
#include "coordinator/package/checksum_list.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

void CheckHex(const std::optional<std::string>& hex, HashKind kind) {
  if (!hex.has_value()) return;
  REQUIRE(hex->size() == (kind == HashKind::kSha512 ? 128 : 64));
  REQUIRE(std::all_of(hex->begin(), hex->end(),
                      [](char c) { return absl::ascii_isxdigit(c) && !absl::ascii_isupper(c); }));
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto [text, name] = fuzz::Sections<2>(fuzz::AsText(data, size));
  for (const HashKind kind : {HashKind::kSha256, HashKind::kSha512}) {
    const auto list = ChecksumList::Parse(text, kind, "p.sha256sum");
    if (!list.ok()) continue;
    REQUIRE(Printable(list->Names()) == list->Names());
    CheckHex(list->WithoutName(), kind);
    const auto found = list->Find(std::string(name));
    if (!found.ok()) continue;
    CheckHex(*found, kind);
    // Names in a list are without folders.
    if (name.find('/') != std::string_view::npos) REQUIRE(!found->has_value());
  }
  return 0;
}
