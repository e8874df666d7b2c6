#include "coordinator/plan/run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

std::string FromEnvironment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
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
    if (::mkdir(path.c_str(), 0700) == 0) return RunFolder(path, /*temporary=*/false);
    if (errno != EEXIST) return ErrnoStatus(errno, "create " + path);
  }
  return absl::AlreadyExistsError(absl::StrCat(runs, ": no free name for this run"));
}

absl::StatusOr<RunFolder> RunFolder::Temporary() {
  std::string path = FromEnvironment("TMPDIR", "/tmp") + "/lighter-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, "create " + path);
  return RunFolder(path, /*temporary=*/true);
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}

RunFolder::~RunFolder() {
  if (!temporary_) return;
  std::error_code ignored;  // nobody is left to tell
  fs::remove_all(path_, ignored);
}

std::string RunFolder::id() const { return fs::path(path_).filename().string(); }

}  // namespace lighter
