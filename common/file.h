// Files: an owned descriptor, positioned reads, whole-file reads with a cap, atomic writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

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

// A regular file opened for reading at any offset, from any thread.
class ReadableFile {
 public:
  // Errors: NotFound, PermissionDenied; InvalidArgument where `path` is not a regular file.
  static absl::StatusOr<ReadableFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }         // bytes, when it was opened
  int64_t mtime_ns() const { return mtime_ns_; }  // since the epoch, when it was opened

  // Reads exactly `size` bytes at `offset`. DataLoss where the file ends before that.
  absl::Status ReadAt(uint64_t offset, char* out, uint64_t size) const;
  absl::StatusOr<std::string> ReadAt(uint64_t offset, uint64_t size) const;

  // FailedPrecondition when size or mtime are no longer those at Open.
  absl::Status CheckUnchanged() const;

 private:
  UniqueFd fd_;
  std::string path_;
  uint64_t size_ = 0;
  int64_t mtime_ns_ = 0;
};

// The whole file. ResourceExhausted where it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

// Replaces `path` by a file with these bytes and mode: written beside it, fsynced, renamed.
absl::Status WriteFileAtomic(const std::string& path, std::string_view data, unsigned mode);

}  // namespace lighter
