#include "common/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/file_write.h"
#include "common/status.h"

namespace lighter {
namespace {

int64_t MtimeNs(const struct stat& st) {
  return static_cast<int64_t>(st.st_mtim.tv_sec) * 1'000'000'000 + st.st_mtim.tv_nsec;
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::StatusOr<ReadableFile::Part> ReadableFile::OpenPart(const std::string& path) {
  Part part;
  part.path = path;
  part.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!part.fd.ok()) return ErrnoStatus(errno, "open " + path);
  struct stat st;
  if (::fstat(part.fd.get(), &st) != 0) return ErrnoStatus(errno, "stat " + path);
  if (!S_ISREG(st.st_mode)) return absl::InvalidArgumentError(path + ": not a regular file");
  part.size = static_cast<uint64_t>(st.st_size);
  part.mtime_ns = MtimeNs(st);
  return part;
}

absl::StatusOr<ReadableFile> ReadableFile::Open(const std::string& path) {
  return OpenParts({path});
}

absl::StatusOr<ReadableFile> ReadableFile::OpenParts(const std::vector<std::string>& paths) {
  ReadableFile file;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(Part part, OpenPart(path));
    part.start = file.size_;
    file.size_ += part.size;
    file.parts_.push_back(std::move(part));
  }
  file.path_ = paths.front();
  if (paths.size() > 1) absl::StrAppend(&file.path_, " and ", paths.size() - 1, " more parts");
  return file;
}

std::vector<FilePart> ReadableFile::Parts() const { return {parts_.begin(), parts_.end()}; }

absl::Status ReadableFile::ReadPart(const Part& part, uint64_t offset, char* out, uint64_t size) {
  while (size > 0) {
    const ssize_t n = ::pread(part.fd.get(), out, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("read ", part.path, " at ", offset));
    if (n == 0) {
      return absl::DataLossError(absl::StrCat(part.path, ": ends at byte ", offset, ", ", size,
                                              " bytes before the expected end of this read"));
    }
    out += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::Status ReadableFile::ReadAt(uint64_t offset, char* out, uint64_t size) const {
  // The last part that starts at or before `offset`; the last one tells of reads past the end.
  auto part = std::upper_bound(parts_.begin() + 1, parts_.end(), offset,
                               [](uint64_t at, const Part& p) { return at < p.start; }) -
              1;
  for (; size > 0; ++part) {
    const uint64_t within = offset - part->start;
    const bool is_last = part + 1 == parts_.end();
    const uint64_t here = is_last ? size : std::min(size, part->size - within);
    RETURN_IF_ERROR(ReadPart(*part, within, out, here));
    out += here;
    offset += here;
    size -= here;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadableFile::ReadAt(uint64_t offset, uint64_t size) const {
  std::string data(size, '\0');
  RETURN_IF_ERROR(ReadAt(offset, data.data(), size));
  return data;
}

absl::Status ReadableFile::CheckUnchanged() const {
  for (const Part& part : parts_) {
    struct stat st;
    if (::fstat(part.fd.get(), &st) != 0) return ErrnoStatus(errno, "stat " + part.path);
    if (static_cast<uint64_t>(st.st_size) != part.size || MtimeNs(st) != part.mtime_ns) {
      return absl::FailedPreconditionError(part.path + " was changed while it was being read");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const ReadableFile file, ReadableFile::Open(path));
  if (file.size() > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": ", file.size(), " bytes, at most ", max_bytes, " are accepted"));
  }
  return file.ReadAt(0, file.size());
}

absl::Status WriteFileAtomic(const std::string& path, std::string_view data, unsigned mode) {
  std::string temp = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temp.data(), O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "create " + temp);
  auto remove_temp = absl::MakeCleanup([&temp] { ::unlink(temp.c_str()); });
  RETURN_IF_ERROR(WriteAll(fd.get(), data, temp));
  if (::fchmod(fd.get(), mode) != 0) return ErrnoStatus(errno, "chmod " + temp);
  RETURN_IF_ERROR(PublishFile(fd, temp, path));
  std::move(remove_temp).Cancel();
  return absl::OkStatus();
}

}  // namespace lighter
