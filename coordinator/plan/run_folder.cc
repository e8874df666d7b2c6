#include "coordinator/plan/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

constexpr char kTemporaryPrefix[] = "lighter-run-";
constexpr char kLockFile[] = ".lighter-lock";
constexpr int kAttempts = 100;  // at a folder that nobody else takes or removes

std::string FromEnvironment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

// The folder's lock, held until the descriptor is closed, at the latest by the process's end. Not
// ok, with errno set, where somebody holds it, or where there is none and `flags` do not create it.
UniqueFd LockFolder(const fs::path& folder, int flags) {
  const fs::path path = folder / kLockFile;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (fd.ok() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

// `lock` is on the file that `folder` has now, not on one that was removed with its folder.
bool IsLockOf(const UniqueFd& lock, const fs::path& folder) {
  struct stat locked {};
  struct stat there {};
  return ::fstat(lock.get(), &locked) == 0 && ::lstat((folder / kLockFile).c_str(), &there) == 0 &&
         locked.st_dev == there.st_dev && locked.st_ino == there.st_ino;
}

// What killed runs of this user left: they hold values, and nobody else would remove them. A folder
// without a lock file of ours is never touched.
void RemoveLeftOvers(const std::string& parent) {
  std::error_code error;
  for (auto it = fs::directory_iterator(parent, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const fs::path& path = it->path();
    if (!absl::StartsWith(path.filename().string(), kTemporaryPrefix)) continue;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    if (info.st_uid != ::geteuid()) continue;
    const UniqueFd lock = LockFolder(path, 0);  // held until the folder is gone
    if (!lock.ok() || !IsLockOf(lock, path)) continue;
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
}

}  // namespace

absl::StatusOr<RunFolder> RunFolder::Keep(const std::string& command) {
  const std::string home = FromEnvironment("HOME", "/root");
  const std::string state = FromEnvironment("XDG_STATE_HOME", home + "/.local/state");
  const std::string runs = state + "/lighter/runs";
  std::error_code error;
  fs::create_directories(runs, error);
  if (error) return ErrnoStatus(error.value(), "create " + runs);
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone());
  // Two runs may start within one second.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string suffix = attempt == 0 ? "" : absl::StrCat(".", attempt);
    const std::string path = absl::StrCat(runs, "/", time, "-", command, suffix);
    if (::mkdir(path.c_str(), 0700) == 0) return RunFolder(path);
    if (errno != EEXIST) return ErrnoStatus(errno, "create " + path);
  }
  return absl::AlreadyExistsError(absl::StrCat(runs, ": no free name for this run"));
}

absl::StatusOr<RunFolder> RunFolder::Temporary() {
  const std::string parent = FromEnvironment("TMPDIR", "/tmp");
  RemoveLeftOvers(parent);
  // Another start may take a folder for a left-over while it is not locked yet, and remove it.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string path = absl::StrCat(parent, "/", kTemporaryPrefix, "XXXXXX");
    if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, "create " + path);
    UniqueFd lock = LockFolder(path, O_CREAT | O_EXCL);
    const int failure = lock.ok() ? 0 : errno;
    if (lock.ok() && IsLockOf(lock, path)) return RunFolder(std::move(path), std::move(lock));
    std::error_code ignored;
    fs::remove_all(path, ignored);
    if (failure != 0 && failure != EWOULDBLOCK) {
      return ErrnoStatus(failure, absl::StrCat("lock ", path, "/", kLockFile));
    }
  }
  return absl::AbortedError(absl::StrCat(parent, ": others keep removing the folders of this run"));
}

RunFolder::~RunFolder() {
  if (path_.empty()) return;  // moved from
  std::error_code ignored;    // nobody is left to tell
  if (lock_.ok()) {
    fs::remove_all(path_, ignored);
  } else {
    ::rmdir(path_.c_str());  // stays where something is in it
  }
}

std::string RunFolder::id() const { return fs::path(path_).filename().string(); }

}  // namespace lighter
