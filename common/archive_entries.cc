#include "common/archive_entries.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/printable.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr int kMaxLinks = 8;  // a link to a link to ...; docker save makes one step

}  // namespace

absl::StatusOr<ArchiveEntries> ArchiveEntries::Index(const ReadableFile& file, TarRange range,
                                                     const std::string& what) {
  ArchiveEntries entries;
  entries.file_ = &file;
  entries.what_ = what;
  ASSIGN_OR_RETURN(entries.entries_, IndexTar(file, range, what));
  for (size_t i = 0; i < entries.entries_.size(); ++i) {
    entries.by_name_[entries.entries_[i].name] = i;
  }
  return entries;
}

const TarEntry* ArchiveEntries::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return nullptr;
  const TarEntry& entry = entries_[it->second];
  return entry.type == TarEntryType::kRegular ? &entry : nullptr;
}

absl::StatusOr<const TarEntry*> ArchiveEntries::Resolve(const std::string& name,
                                                        const std::string& image) const {
  if (name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(image, ": an entry's name of ", name.size(),
                                                   " bytes, at most ", kMaxNameBytes,
                                                   " are accepted"));
  }
  std::string current = std::filesystem::path(name).lexically_normal().string();
  for (int i = 0; i <= kMaxLinks; ++i) {
    const auto it = by_name_.find(current);
    if (it == by_name_.end()) {
      return absl::DataLossError(
          absl::StrCat(image, ": entry \"", OneLine(name), "\" is missing from the archive"));
    }
    const TarEntry& entry = entries_[it->second];
    std::filesystem::path target = entry.link_target;
    switch (entry.type) {
      case TarEntryType::kRegular:
        return &entry;
      case TarEntryType::kHardlink:
        break;
      case TarEntryType::kSymlink:
        target = std::filesystem::path(entry.name).parent_path() / target;
        break;
      default:
        return absl::InvalidArgumentError(
            absl::StrCat(image, ": entry \"", OneLine(name), "\" is not a file"));
    }
    current = target.lexically_normal().string();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(image, ": entry \"", OneLine(name), "\": too many links"));
}

absl::StatusOr<std::string> ArchiveEntries::Read(const TarEntry& entry, uint64_t max_bytes) const {
  if (entry.size > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(what_, ": ", entry.name, " has ", entry.size,
                                                     " bytes, at most ", max_bytes,
                                                     " are accepted"));
  }
  absl::StatusOr<std::string> text = file_->ReadAt(entry.offset, entry.size);
  return text.ok() ? std::move(text) : Annotate(text.status(), what_ + ": " + entry.name);
}

}  // namespace lighter
