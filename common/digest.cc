#include "common/digest.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr std::string_view kPrefix = "sha256:";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

absl::StatusOr<Digest> Digest::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a sha256 digest: \"", absl::CEscape(ToAbsl(text.substr(0, 100))), "\""));
  }
  return FromHex(text.substr(kPrefix.size()));
}

absl::StatusOr<Digest> Digest::FromHex(std::string_view hex) {
  std::array<uint8_t, 32> bytes;
  bool valid = hex.size() == 2 * bytes.size();
  for (size_t i = 0; valid && i < bytes.size(); ++i) {
    const int high = HexValue(hex[2 * i]);
    const int low = HexValue(hex[2 * i + 1]);
    valid = high >= 0 && low >= 0;
    bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (!valid) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not 64 lower-case hex digits: \"", absl::CEscape(ToAbsl(hex.substr(0, 100))), "\""));
  }
  return Digest(bytes);
}

Digest Digest::Of(std::string_view data) {
  Sha256 hasher;
  hasher.Update(data);
  return hasher.Finish();
}

std::string Digest::hex() const {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes_.data()), bytes_.size()));
}

std::string Digest::str() const { return absl::StrCat(ToAbsl(kPrefix), hex()); }

void Sha256::Deleter::operator()(evp_md_ctx_st* ctx) const { EVP_MD_CTX_free(ctx); }

Sha256::Sha256() : ctx_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(ctx_.get(), EVP_sha256(), nullptr); }

void Sha256::Update(std::string_view data) {
  EVP_DigestUpdate(ctx_.get(), data.data(), data.size());
}

Digest Sha256::Finish() {
  std::array<uint8_t, 32> bytes;
  EVP_DigestFinal_ex(ctx_.get(), bytes.data(), nullptr);
  return Digest(bytes);
}

}  // namespace lighter
