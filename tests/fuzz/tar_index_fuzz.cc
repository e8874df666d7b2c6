// A tar from anywhere: entries lie within it, and one that was cut short never looks sound.
#include <algorithm>
#include <string>
#include <vector>

#include "common/limits.h"
#include "common/tar_index.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"
#include "tests/support/tar_writer.h"

namespace lighter {
namespace {

constexpr size_t kBlock = 512;

// A change to a header makes its checksum wrong, and no reader would look further.
std::string WithRightChecksums(std::string_view tar) {
  std::string repaired(tar);
  for (size_t at = 0; at + kBlock <= repaired.size(); at += kBlock) {
    if (repaired.compare(at + 257, 5, "ustar") == 0) support::FixTarChecksum(repaired, at);
  }
  return repaired;
}

absl::StatusOr<std::vector<TarEntry>> Index(fuzz::MemoryFile& memory, std::string_view bytes,
                                            TarRange range) {
  memory.Set(bytes);
  return IndexTar(ReadableFile::Open(memory.path()).value(), range, "fuzz.tar");
}

void CheckEntry(const TarEntry& entry, TarRange range, uint64_t after) {
  REQUIRE(entry.offset >= after);
  REQUIRE(entry.size <= range.size && entry.offset <= range.offset + range.size - entry.size);
  REQUIRE(!entry.name.empty() && entry.name.size() <= kMaxNameBytes);
  REQUIRE(entry.link_target.size() <= kMaxNameBytes);
  const std::string rooted = "/" + entry.name + "/";
  for (const char* unsafe : {"//", "/./", "/../", "\n"}) {
    REQUIRE(rooted.find(unsafe) == std::string::npos);
  }
}

bool Same(const TarEntry& a, const TarEntry& b, uint64_t shift) {
  return a.name == b.name && a.type == b.type && a.link_target == b.link_target &&
         a.size == b.size && a.offset + shift == b.offset;
}

void CheckTar(std::string_view tar) {
  static fuzz::MemoryFile memory;
  const TarRange whole{0, tar.size()};
  const auto entries = Index(memory, tar, whole);
  if (!entries.ok()) {
    REQUIRE(!entries.status().message().empty());
    return;
  }
  uint64_t end = 0;
  for (const TarEntry& entry : *entries) {
    CheckEntry(entry, whole, end);
    end = entry.offset + (entry.size + kBlock - 1) / kBlock * kBlock;
  }
  // A copy that ended early, at the very place where the last entry does.
  REQUIRE(!Index(memory, tar, {0, end}).ok());
  // The same tar inside a larger file.
  const std::string before(kBlock + 7, 'x');
  const auto inner = Index(memory, before + std::string(tar) + before, {before.size(), tar.size()});
  REQUIRE(inner.ok() &&
          std::equal(entries->begin(), entries->end(), inner->begin(), inner->end(),
                     [&](const auto& a, const auto& b) { return Same(a, b, before.size()); }));
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view tar = lighter::fuzz::AsText(data, size);
  lighter::CheckTar(tar);
  lighter::CheckTar(lighter::WithRightChecksums(tar));
  return 0;
}
