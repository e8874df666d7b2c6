#include "coordinator/package/checksum_list.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

size_t HexDigits(HashKind kind) { return kind == HashKind::kSha512 ? 128 : 64; }

// A line's name without its folders and its checksum; nothing for any other line.
std::optional<std::pair<std::string, std::string>> ParseLine(std::string_view line,
                                                             size_t hex_digits) {
  const std::string_view hex = line.substr(0, line.find(' '));
  if (hex.size() != hex_digits) return std::nullopt;
  if (!std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit)) return std::nullopt;
  std::string_view name = line.substr(hex.size());
  const bool has_name = name.size() > 2 && (name[1] == ' ' || name[1] == '*');
  if (!has_name && !name.empty()) return std::nullopt;
  if (has_name) name.remove_prefix(std::max<size_t>(2, name.rfind('/') + 1));
  return std::pair(std::string(name), absl::AsciiStrToLower(ToAbsl(hex)));
}

}  // namespace

std::string_view HashName(HashKind kind) {
  return kind == HashKind::kSha512 ? "SHA-512" : "SHA-256";
}

absl::StatusOr<ChecksumList> ChecksumList::Parse(std::string_view text, HashKind kind,
                                                 const std::string& what) {
  ChecksumList list;
  list.what_ = what;
  size_t number = 0;
  for (const absl::string_view raw : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    const absl::string_view line = absl::StripTrailingAsciiWhitespace(raw);
    if (line.empty() || line[0] == '#') continue;
    auto sum = ParseLine(ToStd(line), HexDigits(kind));
    if (!sum) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": line ", number, " is not \"<", HexDigits(kind),
                       " hex digits>  <file name>\", as ",
                       kind == HashKind::kSha512 ? "sha512sum" : "sha256sum", " writes it"));
    }
    list.sums_.push_back(*std::move(sum));
  }
  if (list.sums_.empty()) {
    return absl::InvalidArgumentError(what + ": has no checksum in it");
  }
  return list;
}

absl::StatusOr<std::optional<std::string>> ChecksumList::Find(const std::string& name) const {
  std::optional<std::string> found;
  for (const auto& [listed, hex] : sums_) {
    if (listed != name) continue;
    if (found && *found != hex) {
      return absl::InvalidArgumentError(
          absl::StrCat(what_, ": names ", name, " twice, with two checksums"));
    }
    found = hex;
  }
  return found;
}

std::optional<std::string> ChecksumList::WithoutName() const {
  if (sums_.size() != 1 || !sums_.front().first.empty()) return std::nullopt;
  return sums_.front().second;
}

std::string ChecksumList::Names() const {
  constexpr size_t kMaxShown = 5;
  std::vector<std::string> names;
  for (const auto& [name, hex] : sums_) {
    if (!name.empty() && names.size() < kMaxShown) names.push_back(OneLine(name));
  }
  return absl::StrCat(absl::StrJoin(names, ", "), sums_.size() > names.size() ? ", ..." : "");
}

}  // namespace lighter
