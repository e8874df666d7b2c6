// The checksum files that vendors ship beside a package, as sha512sum and sha256sum write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

enum class HashKind { kSha256, kSha512 };

// "SHA-256", "SHA-512".
std::string_view HashName(HashKind kind);

// A parsed list: "<hex digits>  <name>" a line, "*" before the name in sha512sum's binary mode.
class ChecksumList {
 public:
  // Empty lines and those that begin with # are skipped. A list may also be one checksum without a
  // name. InvalidArgument names `what`, the line and the form that is expected.
  static absl::StatusOr<ChecksumList> Parse(std::string_view text, HashKind kind,
                                            const std::string& what);

  // The checksum of this file in lower-case hex; folders in the list's names do not count. Nothing
  // where the list does not name it; InvalidArgument where it names it with two checksums.
  absl::StatusOr<std::optional<std::string>> Find(const std::string& name) const;
  // The one checksum of a list that names no file.
  std::optional<std::string> WithoutName() const;
  // For messages: "a.tar, b.tar".
  std::string Names() const;

 private:
  std::string what_;
  std::vector<std::pair<std::string, std::string>> sums_;  // name without folders ("": none), hex
};

}  // namespace lighter
