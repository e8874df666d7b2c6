// Indexes a tar in place: every entry's name and where its bytes lie, without reading the bytes.
//
// ustar, PAX and GNU headers are parsed by libarchive over positioned reads; entry data is skipped.
// A tar may lie inside another file (images.tar inside a bundle inside a package), hence TarRange.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file.h"

namespace lighter {

// Where a tar lies in a file, in bytes.
struct TarRange {
  uint64_t offset = 0;
  uint64_t size = 0;
};

enum class TarEntryType { kRegular, kDirectory, kSymlink, kHardlink, kOther };

struct TarEntry {
  std::string name;  // as stored, "./" prefix removed; never absolute, never with a ".." part
  TarEntryType type = TarEntryType::kRegular;
  std::string link_target;  // of symlinks and hard links, as stored
  uint64_t offset = 0;      // of the data, absolute in the file
  uint64_t size = 0;        // of the data, bytes
};

// All entries in order, duplicates too. `what` names the tar in errors ("pkg.tar:
// hydra.bundle.tar"). Errors name the entry and the offset: InvalidArgument (not a tar, compressed,
// damaged header, unsafe name, sparse entry), DataLoss (an entry reaches past the range, or the
// end-of-archive mark is missing: truncated), ResourceExhausted (too many entries).
absl::StatusOr<std::vector<TarEntry>> IndexTar(const ReadableFile& file, TarRange range,
                                               const std::string& what);

}  // namespace lighter
