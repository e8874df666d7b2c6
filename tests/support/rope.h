// Bytes in pieces: a tar in a tar in a tar is built without a copy at each level, and long runs of
// zeros take no memory and no disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/digest.h"

namespace lighter::support {

// A value type; copies share their pieces.
class Rope {
 public:
  Rope() = default;
  Rope(std::string bytes) { Append(std::move(bytes)); }  // NOLINT: implicit on purpose
  Rope(const char* text) : Rope(std::string(text)) {}    // NOLINT: implicit on purpose

  void Append(std::string bytes);
  void Append(const Rope& other);
  void AppendZeros(uint64_t count);

  uint64_t size() const { return size_; }  // bytes
  // All bytes in one string.
  std::string str() const;
  Digest digest() const;

  // Writes a new file (mode 0644); runs of zeros from AppendZeros become holes.
  absl::Status WriteTo(const std::string& path) const;

 private:
  struct Piece {
    std::shared_ptr<const std::string> bytes;  // null: zeros
    uint64_t size = 0;
  };
  std::vector<Piece> pieces_;
  uint64_t size_ = 0;
};

}  // namespace lighter::support
