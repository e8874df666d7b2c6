// The entries of an images.tar by their names, and what every reader of one asks of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file.h"
#include "common/tar_index.h"

namespace lighter {

class ArchiveEntries {
 public:
  // `file` must outlive it. Errors as IndexTar.
  static absl::StatusOr<ArchiveEntries> Index(const ReadableFile& file, TarRange range,
                                              const std::string& what);

  const ReadableFile& file() const { return *file_; }
  const std::string& what() const { return what_; }  // for messages

  // The regular entry of this name, no link; null where there is none.
  const TarEntry* Find(std::string_view name) const;
  bool Contains(std::string_view name) const { return by_name_.contains(name); }

  // The regular entry of this name, links followed. Errors begin with `image`: DataLoss where it is
  // missing; InvalidArgument for what is no file.
  absl::StatusOr<const TarEntry*> Resolve(const std::string& name, const std::string& image) const;

  // The bytes of an entry. ResourceExhausted where it has more than `max_bytes`.
  absl::StatusOr<std::string> Read(const TarEntry& entry, uint64_t max_bytes) const;

 private:
  const ReadableFile* file_ = nullptr;
  std::string what_;
  std::vector<TarEntry> entries_;
  // Of entries with one name the last counts, as for every tar reader.
  std::map<std::string, size_t, std::less<>> by_name_;
};

}  // namespace lighter
