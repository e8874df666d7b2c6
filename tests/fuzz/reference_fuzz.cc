// Image references: the normal form is a fixed point, and a registry's name can be a folder's.
#include "common/reference.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const std::string_view text = fuzz::AsText(data, size);
  if (CheckRegistryName(text).ok()) {
    REQUIRE(!text.empty() && text.front() != '.' && text.find('/') == std::string_view::npos);
    REQUIRE(text.find('\0') == std::string_view::npos && text.size() <= 255);
  }
  const auto reference = Reference::Parse(text);
  if (!reference.ok()) return 0;
  const auto again = Reference::Parse(reference->str());
  REQUIRE(again.ok() && again->str() == reference->str());
  REQUIRE(again->registry == reference->registry && again->repository == reference->repository);
  REQUIRE(reference->tag.empty() != reference->digest.empty());
  REQUIRE(reference->name().size() <= 255);
  // A longer one leaves no room for every repository.
  REQUIRE(reference->registry.size() > 240 || CheckRegistryName(reference->registry).ok());
  return 0;
}
