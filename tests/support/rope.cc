#include "tests/support/rope.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter::support {

void Rope::Append(std::string bytes) {
  if (bytes.empty()) return;
  const uint64_t size = bytes.size();
  pieces_.push_back({std::make_shared<const std::string>(std::move(bytes)), size});
  size_ += size;
}

void Rope::Append(const Rope& other) {
  const std::vector<Piece> pieces = other.pieces_;  // a copy: `other` may be this rope
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  for (const Piece& piece : pieces) size_ += piece.size;
}

void Rope::AppendZeros(uint64_t count) {
  if (count == 0) return;
  pieces_.push_back({nullptr, count});
  size_ += count;
}

std::string Rope::str() const {
  std::string all;
  all.reserve(size_);
  for (const Piece& piece : pieces_) {
    if (piece.bytes == nullptr) {
      all.append(piece.size, '\0');
    } else {
      all.append(*piece.bytes);
    }
  }
  return all;
}

Digest Rope::digest() const {
  const std::string zeros(64 * kKiB, '\0');
  Sha256 hasher;
  for (const Piece& piece : pieces_) {
    if (piece.bytes != nullptr) {
      hasher.Update(*piece.bytes);
      continue;
    }
    for (uint64_t left = piece.size; left > 0; left -= std::min<uint64_t>(left, zeros.size())) {
      hasher.Update(std::string_view(zeros).substr(0, left));
    }
  }
  return hasher.Finish();
}

absl::Status Rope::WriteTo(const std::string& path) const {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.ok()) return ErrnoStatus(errno, "create " + path);
  uint64_t offset = 0;
  for (const Piece& piece : pieces_) {
    for (uint64_t done = 0; piece.bytes != nullptr && done < piece.size;) {
      const ssize_t n = ::pwrite(fd.get(), piece.bytes->data() + done, piece.size - done,
                                 static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "write " + path);
      done += static_cast<uint64_t>(n);
    }
    offset += piece.size;
  }
  if (::ftruncate(fd.get(), static_cast<off_t>(size_)) != 0) {
    return ErrnoStatus(errno, "truncate " + path);
  }
  return absl::OkStatus();
}

}  // namespace lighter::support
