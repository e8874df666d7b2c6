#include "coordinator/package/checksum_verifier.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

// Fits into a core's own cache, so that hashing does not fetch from memory what was just read.
constexpr uint64_t kReadBytes = 512 * kKiB;

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

ChecksumVerifier::ChecksumVerifier(std::vector<FileChecksum> checksums)
    : checksums_(std::move(checksums)) {
  for (const FileChecksum& checksum : checksums_) total_bytes_ += checksum.size;
  if (checksums_.empty()) {
    verdict_ = absl::OkStatus();
  } else {
    thread_ = std::thread([this] { Run(); });
  }
}

ChecksumVerifier::~ChecksumVerifier() {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

std::optional<absl::Status> ChecksumVerifier::Verdict(absl::Duration patience) const {
  std::unique_lock lock(mutex_);
  judged_.wait_for(lock, absl::ToChronoNanoseconds(patience),
                   [this] { return verdict_.has_value(); });
  return verdict_;
}

void ChecksumVerifier::Run() {
  absl::Status verdict;
  for (const FileChecksum& checksum : checksums_) {
    verdict = Check(checksum);
    if (!verdict.ok()) break;
  }
  const std::lock_guard lock(mutex_);
  verdict_ = std::move(verdict);
  judged_.notify_all();
}

absl::Status ChecksumVerifier::Check(const FileChecksum& checksum) {
  const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), checksum.kind == HashKind::kSha512 ? EVP_sha512() : EVP_sha256(),
                    nullptr);
  std::string buffer(kReadBytes, '\0');
  for (uint64_t done = 0; done < checksum.size;) {
    if (cancelled_) return absl::CancelledError("nobody waits for the checksum any more");
    const uint64_t size = std::min<uint64_t>(buffer.size(), checksum.size - done);
    RETURN_IF_ERROR(checksum.file->ReadAt(checksum.offset + done, buffer.data(), size));
    EVP_DigestUpdate(context.get(), buffer.data(), size);
    done += size;
    done_bytes_ += size;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned digest_bytes = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &digest_bytes);
  const std::string actual = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest_bytes));
  // What was read of it before is what was hashed.
  RETURN_IF_ERROR(checksum.file->CheckUnchanged());
  if (actual == checksum.hex) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      checksum.name, ": its ", ToAbsl(HashName(checksum.kind)), " is ", actual, ", ", checksum.list,
      " says ", checksum.hex, "; the package is damaged, or the checksum file is of another one: ",
      "copy both again from their source"));
}

}  // namespace lighter
