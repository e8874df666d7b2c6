// A file system of its own, of 48 MB, so that it can fill up.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <string>

#include "tests/integration/child_process.h"
#include "tests/support/temp_dir.h"

namespace lighter::testing {

class SmallDisk {
 public:
  SmallDisk() {
    const std::string image = folder_.File("disk");
    mounted_ = RunCommand({"truncate", "-s", "48M", image}).exit_code == 0 &&
               RunCommand({"mkfs.ext4", "-q", "-m", "0", image}).exit_code == 0 &&
               RunCommand({"mkdir", path()}).exit_code == 0 &&
               RunCommand({"mount", "-o", "loop", image, path()}).exit_code == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  std::string path() const { return folder_.File("mnt"); }
  // Takes all room that is left.
  void Fill() const {
    const int fd = ::open((path() + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t size = 1 << 20; size > 0;) {
      if (::write(fd, std::string(size, 'x').data(), size) <= 0) size /= 2;
    }
    ::fsync(fd);
    ::close(fd);
  }
  uint64_t free_bytes() const {
    struct statvfs st;
    return ::statvfs(path().c_str(), &st) == 0 ? st.f_bavail * st.f_frsize : 0;
  }

 private:
  support::TempDir folder_;
  bool mounted_ = false;
};

}  // namespace lighter::testing
