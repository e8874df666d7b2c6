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

std::string FromEnvironment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

// The folder's lock, held until the descriptor is closed, at the latest by the process's end. Not
// ok where somebody holds it, or where there is none and `flags` do not create it.
UniqueFd LockFolder(const fs::path& folder, int flags) {
  const fs::path path = folder / kLockFile;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (fd.ok() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
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
    if (info.st_uid != ::geteuid() || !LockFolder(path, 0).ok()) continue;
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
  for (int attempt = 0; attempt < 100; ++attempt) {
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
  std::string path = absl::StrCat(parent, "/", kTemporaryPrefix, "XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, "create " + path);
  UniqueFd lock = LockFolder(path, O_CREAT | O_EXCL);
  if (!lock.ok()) return ErrnoStatus(errno, absl::StrCat("lock ", path, "/", kLockFile));
  return RunFolder(std::move(path), std::move(lock));
}

RunFolder::~RunFolder() {
  if (!lock_.ok()) return;
  std::error_code ignored;  // nobody is left to tell
  fs::remove_all(path_, ignored);
}

std::string RunFolder::id() const { return fs::path(path_).filename().string(); }

}  // namespace lighter
