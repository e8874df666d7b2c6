#include "common/file_write.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "common/status.h"

namespace lighter {

absl::Status WriteAll(int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write " + path);
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status PublishFile(const UniqueFd& fd, const std::string& temp, const std::string& path) {
  if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "fsync " + temp);
  if (::rename(temp.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, "rename to " + path);

  // The rename itself is durable only once the folder is.
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd.ok() || ::fsync(folder_fd.get()) != 0)
    return ErrnoStatus(errno, "fsync " + folder);
  return absl::OkStatus();
}

}  // namespace lighter
