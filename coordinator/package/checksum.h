// The checksums that lie beside a package's files: which there are, and what they are of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file.h"
#include "coordinator/package/checksum_list.h"
#include "coordinator/package/package.h"

namespace lighter {

// What a checksum file says of a package's file, or of one of its parts.
struct FileChecksum {
  std::shared_ptr<const ReadableFile> file;
  uint64_t offset = 0;  // where the bytes that were hashed lie in `file`
  uint64_t size = 0;
  std::string name;  // of what was hashed, a path
  std::string list;  // the checksum file, a path
  HashKind kind = HashKind::kSha512;
  std::string hex;  // lower case
};

// The checksums of the package's files, for p.tar the first of these that lies beside it:
//
//   p_checksum.sha512sum  p.tar.sha512sum  p.tar.sha512  p_checksum.sha256sum  p.tar.sha256sum
//   p.tar.sha256          SHA512SUMS, SHA256SUMS where they name it
//
// Of a package in parts it is that of the whole, or one of each part. Where nothing lies beside a
// link, what lies beside its target counts, under the target's name. Empty where there are none.
// A list that cannot be read, is larger than kMaxChecksumListBytes or does not name its file is an
// error (InvalidArgument, ResourceExhausted) that says so.
absl::StatusOr<std::vector<FileChecksum>> FindChecksums(const Package& package);

// What is said of a package without any.
std::string NoChecksumNote(const Package& package);

}  // namespace lighter
