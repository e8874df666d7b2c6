#include "coordinator/package/checksum.h"

#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/package/parts.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

struct Pattern {
  HashKind kind;
  bool of_stem;  // the ending comes instead of ".tar", not behind it
  std::string_view ending;
};
constexpr std::array<Pattern, 6> kOwnLists = {{
    {HashKind::kSha512, true, "_checksum.sha512sum"},
    {HashKind::kSha512, false, ".sha512sum"},
    {HashKind::kSha512, false, ".sha512"},
    {HashKind::kSha256, true, "_checksum.sha256sum"},
    {HashKind::kSha256, false, ".sha256sum"},
    {HashKind::kSha256, false, ".sha256"},
}};
constexpr std::array<std::pair<HashKind, std::string_view>, 2> kSharedLists = {{
    {HashKind::kSha512, "SHA512SUMS"},
    {HashKind::kSha256, "SHA256SUMS"},
}};

// A checksum file that was read.
struct List {
  std::string path;
  HashKind kind;
  ChecksumList sums;
};

// Nothing where there is no such file.
absl::StatusOr<std::optional<List>> ReadList(const fs::path& path, HashKind kind) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path.string(), kMaxChecksumListBytes));
  ASSIGN_OR_RETURN(ChecksumList sums, ChecksumList::Parse(text, kind, path.string()));
  return List{path.string(), kind, std::move(sums)};
}

// The list that is of the file `name` alone, by its own name.
absl::StatusOr<std::optional<List>> ReadOwnList(const fs::path& folder, const std::string& name) {
  for (const Pattern& pattern : kOwnLists) {
    const absl::string_view stem = pattern.of_stem ? absl::StripSuffix(name, ".tar") : name;
    ASSIGN_OR_RETURN(std::optional<List> list,
                     ReadList(folder / absl::StrCat(stem, ToAbsl(pattern.ending)), pattern.kind));
    if (list) return list;
  }
  return std::nullopt;
}

// Finds the checksums of one package file, whole or in parts.
class Finder {
 public:
  // `parts`: those of the file, under the names by which lists may know them.
  Finder(std::shared_ptr<const ReadableFile> file, std::vector<FilePart> parts)
      : file_(std::move(file)),
        parts_(std::move(parts)),
        folder_(fs::path(parts_.front().path).parent_path()),
        whole_(parts_.size() == 1 ? fs::path(parts_.front().path).filename().string()
                                  : NameOfWhole(parts_.front().path)) {}

  absl::StatusOr<std::vector<FileChecksum>> Find() const;

 private:
  FileChecksum Of(const FilePart& part, const List& list, std::string hex) const {
    return {file_, part.start, part.size, part.path, list.path, list.kind, std::move(hex)};
  }
  FilePart Whole() const { return {(folder_ / whole_).string(), 0, file_->size()}; }
  // What the list says of the whole, or of each part; empty where it names neither.
  absl::StatusOr<std::vector<FileChecksum>> InList(const List& list) const;
  // From a list of each part's own; empty where the first has none.
  absl::StatusOr<std::vector<FileChecksum>> OfEachPart() const;

  const std::shared_ptr<const ReadableFile> file_;
  const std::vector<FilePart> parts_;
  const fs::path folder_;
  const std::string whole_;  // its name, without the folder
};

absl::Status NotNamed(const List& list, const std::string& name) {
  const std::string names = list.sums.Names();
  return absl::InvalidArgumentError(absl::StrCat(
      list.path, ": does not name ", name, names.empty() ? "" : ", only " + names,
      "; get the package and its checksum file anew, or give both the names that they had"));
}

absl::StatusOr<std::vector<FileChecksum>> Finder::InList(const List& list) const {
  std::vector<FileChecksum> found;
  ASSIGN_OR_RETURN(std::optional<std::string> hex, list.sums.Find(whole_));
  if (hex) {
    found.push_back(Of(Whole(), list, *std::move(hex)));
    return found;
  }
  std::string missing;
  for (const FilePart& part : parts_) {
    const std::string name = fs::path(part.path).filename().string();
    ASSIGN_OR_RETURN(hex, list.sums.Find(name));
    if (hex) {
      found.push_back(Of(part, list, *std::move(hex)));
    } else {
      missing = name;
    }
  }
  if (!found.empty() && !missing.empty()) return NotNamed(list, missing);
  return found;
}

absl::StatusOr<std::vector<FileChecksum>> Finder::OfEachPart() const {
  std::vector<FileChecksum> found;
  for (const FilePart& part : parts_) {
    const std::string name = fs::path(part.path).filename().string();
    ASSIGN_OR_RETURN(const std::optional<List> list, ReadOwnList(folder_, name));
    if (!list && found.empty()) return found;
    if (!list) {
      return absl::InvalidArgumentError(absl::StrCat(
          part.path, ": has no checksum file, and other parts have (", found.front().list, ")"));
    }
    ASSIGN_OR_RETURN(std::optional<std::string> hex, list->sums.Find(name));
    if (!hex) hex = list->sums.WithoutName();
    if (!hex) return NotNamed(*list, name);
    found.push_back(Of(part, *list, *std::move(hex)));
  }
  return found;
}

absl::StatusOr<std::vector<FileChecksum>> Finder::Find() const {
  ASSIGN_OR_RETURN(const std::optional<List> own, ReadOwnList(folder_, whole_));
  if (own) {
    ASSIGN_OR_RETURN(std::vector<FileChecksum> found, InList(*own));
    if (!found.empty()) return found;
    std::optional<std::string> hex = own->sums.WithoutName();
    if (!hex) return NotNamed(*own, whole_);
    return std::vector<FileChecksum>{Of(Whole(), *own, *std::move(hex))};
  }
  if (parts_.size() > 1) {
    ASSIGN_OR_RETURN(std::vector<FileChecksum> found, OfEachPart());
    if (!found.empty()) return found;
  }
  for (const auto& [kind, name] : kSharedLists) {
    ASSIGN_OR_RETURN(const std::optional<List> list, ReadList(folder_ / name, kind));
    if (!list) continue;
    ASSIGN_OR_RETURN(std::vector<FileChecksum> found, InList(*list));
    if (!found.empty()) return found;
  }
  return std::vector<FileChecksum>();
}

// The parts as what they are links to.
std::vector<FilePart> Targets(std::vector<FilePart> parts) {
  for (FilePart& part : parts) {
    std::error_code error;
    const fs::path target = fs::canonical(part.path, error);
    if (!error) part.path = target.string();
  }
  return parts;
}

absl::StatusOr<std::vector<FileChecksum>> Find(const std::shared_ptr<const ReadableFile>& file) {
  const std::vector<FilePart> parts = file->Parts();
  ASSIGN_OR_RETURN(std::vector<FileChecksum> found, Finder(file, parts).Find());
  std::error_code ignored;
  if (!found.empty() || !fs::is_symlink(parts.front().path, ignored)) return found;
  return Finder(file, Targets(parts)).Find();
}

}  // namespace

std::string NoChecksumNote(const Package& package) {
  return absl::StrCat("N-CHECKSUM-NONE: no checksum file lies beside ", package.path,
                      ", so nobody can tell whether it is what the vendor shipped; layers are "
                      "checked against their digests as they move");
}

absl::StatusOr<std::vector<FileChecksum>> FindChecksums(const Package& package) {
  std::vector<FileChecksum> checksums;
  std::string unlisted;  // a file without any
  for (const std::shared_ptr<const ReadableFile>& file : package.files) {
    ASSIGN_OR_RETURN(std::vector<FileChecksum> found, Find(file));
    if (found.empty()) unlisted = file->path();
    std::move(found.begin(), found.end(), std::back_inserter(checksums));
  }
  if (!checksums.empty() && !unlisted.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(unlisted, ": has no checksum, and other files of this package have (",
                     checksums.front().list, ")"));
  }
  return checksums;
}

}  // namespace lighter
