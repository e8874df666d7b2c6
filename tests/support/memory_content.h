// Blobs and a desired list in memory, for tests of the registry. Faults can be put in.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "agent/registry/registry_content.h"

namespace lighter::support {

class MemoryContent : public RegistryContent {
 public:
  // Called in Read after each piece with the bytes that were given so far; an error ends it.
  using Fault = std::function<absl::Status(uint64_t given)>;

  Digest Add(const std::string& bytes) {
    const Digest digest = Digest::Of(bytes);
    AddAs(digest, bytes);
    return digest;
  }
  void AddAs(const Digest& digest, std::string bytes) {
    const std::lock_guard lock(mutex_);
    blobs_[digest] = std::make_shared<const std::string>(std::move(bytes));
  }
  void Remove(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    blobs_.erase(digest);
  }
  void SetFault(const Digest& digest, Fault fault) {
    const std::lock_guard lock(mutex_);
    faults_[digest] = std::move(fault);
  }
  void SetDesired(const v1::Desired& desired) {
    const std::lock_guard lock(mutex_);
    desired_ = std::make_shared<const v1::Desired>(desired);
  }
  // How often a blob was read.
  int reads(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    return reads_[digest];
  }

  std::shared_ptr<const v1::Desired> desired() const override {
    const std::lock_guard lock(mutex_);
    return desired_;
  }
  absl::StatusOr<uint64_t> Size(const Digest& digest) override {
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return absl::NotFoundError("no such blob");
    return found->second->size();
  }
  absl::Status Read(const Digest& digest, uint64_t offset, const BlobSink& sink) override {
    std::shared_ptr<const std::string> blob;
    Fault fault;
    {
      const std::lock_guard lock(mutex_);
      ++reads_[digest];
      if (!blobs_.contains(digest)) return absl::NotFoundError("no such blob");
      blob = blobs_[digest];
      if (faults_.contains(digest)) fault = faults_[digest];
    }
    uint64_t given = 0;
    while (offset + given < blob->size()) {
      const auto piece = std::string_view(*blob).substr(offset + given, kPiece);
      if (absl::Status status = sink(piece); !status.ok()) return status;
      given += piece.size();
      if (fault == nullptr) continue;
      if (absl::Status status = fault(given); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kPiece = 64 * 1024;

  mutable std::mutex mutex_;
  std::shared_ptr<const v1::Desired> desired_;
  std::map<Digest, std::shared_ptr<const std::string>> blobs_;
  std::map<Digest, Fault> faults_;
  std::map<Digest, int> reads_;
};

}  // namespace lighter::support
