// SHA-256 digests as OCI writes them ("sha256:<64 hex digits>"), and a hasher.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_md_ctx_st;

namespace lighter {

// A SHA-256 digest. A value type; always 32 bytes. Default: all zero bytes.
class Digest {
 public:
  Digest() = default;
  explicit Digest(const std::array<uint8_t, 32>& bytes) : bytes_(bytes) {}

  // Parses "sha256:<64 lower-case hex>". InvalidArgument for anything else (other algorithms too).
  static absl::StatusOr<Digest> Parse(std::string_view text);
  // Parses the 64 hex digits alone.
  static absl::StatusOr<Digest> FromHex(std::string_view hex);
  static Digest Of(std::string_view data);

  std::string hex() const;  // 64 lower-case digits
  std::string str() const;  // "sha256:" + hex()

  auto operator<=>(const Digest&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const Digest& d) {
    return H::combine(std::move(h), d.bytes_);
  }

 private:
  std::array<uint8_t, 32> bytes_{};
};

// Hashes a stream. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  void Update(std::string_view data);
  // The digest of everything given so far; the hasher must not be used afterwards.
  Digest Finish();

 private:
  struct Deleter {
    void operator()(evp_md_ctx_st* ctx) const;
  };
  std::unique_ptr<evp_md_ctx_st, Deleter> ctx_;
};

}  // namespace lighter
