// Hashes a package's files beside whatever else goes on, and tells whether they are what the
// checksums beside them say.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/package/checksum.h"

namespace lighter {

// Reads on a thread of its own, from construction until the verdict or destruction. Thread-safe.
class ChecksumVerifier {
 public:
  explicit ChecksumVerifier(std::vector<FileChecksum> checksums);
  ~ChecksumVerifier();

  // OK: every file is what its checksum says (also of no checksums). DataLoss names the file, its
  // list and both checksums; other errors come from reading. Nothing when it is not known within
  // `patience`.
  std::optional<absl::Status> Verdict(absl::Duration patience) const;

  uint64_t total_bytes() const { return total_bytes_; }
  uint64_t done_bytes() const { return done_bytes_; }

 private:
  void Run();
  absl::Status Check(const FileChecksum& checksum);

  const std::vector<FileChecksum> checksums_;
  uint64_t total_bytes_ = 0;
  std::atomic<uint64_t> done_bytes_ = 0;
  std::atomic<bool> cancelled_ = false;
  mutable std::mutex mutex_;
  mutable std::condition_variable judged_;
  std::optional<absl::Status> verdict_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace lighter
