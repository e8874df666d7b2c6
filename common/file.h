// Files: an owned descriptor, positioned reads, whole-file reads with a cap, atomic writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lighter {

// Owns a file descriptor. Move-only.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// One of the files that a ReadableFile reads as one.
struct FilePart {
  std::string path;
  uint64_t start = 0;  // of its bytes in the whole
  uint64_t size = 0;   // bytes, when it was opened
};

// A regular file, or several that are read as one, opened for reading at any offset, from any
// thread.
class ReadableFile {
 public:
  // Errors: NotFound, PermissionDenied; InvalidArgument where `path` is not a regular file.
  static absl::StatusOr<ReadableFile> Open(const std::string& path);
  // What `cat` makes of these files, at least one. Errors as Open.
  static absl::StatusOr<ReadableFile> OpenParts(const std::vector<std::string>& paths);

  // For messages: of the first part, and how many there are beside it.
  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // bytes, when it was opened
  std::vector<FilePart> Parts() const;     // in order; at least one

  // Reads exactly `size` bytes at `offset`. DataLoss where the file ends before that.
  absl::Status ReadAt(uint64_t offset, char* out, uint64_t size) const;
  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t size) const;

  // FailedPrecondition when size or mtime are no longer those at Open.
  absl::Status CheckUnchanged() const;

 private:
  struct Part : FilePart {
    UniqueFd fd;
    int64_t mtime_ns = 0;
  };
  static absl::StatusOr<Part> OpenPart(const std::string& path);
  static absl::Status ReadPart(const Part& part, uint64_t offset, char* out, uint64_t size);

  std::vector<Part> parts_;  // in order
  std::string path_;
  uint64_t size_ = 0;
};

// The whole file. ResourceExhausted where it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

// Replaces `path` by a file with these bytes and mode: written beside it, fsynced, renamed.
absl::Status WriteFileAtomic(const std::string& path, std::string_view data, unsigned mode);

}  // namespace lighter
