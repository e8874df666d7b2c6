#include "coordinator/lock/process_identity.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace lighter {
namespace {

// A file of /proc, which has no size that could be asked for; empty where it cannot be read.
std::string ReadProc(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return "";
  std::array<char, 4096> buffer;
  std::string text(buffer.data(), std::fread(buffer.data(), 1, buffer.size(), file));
  std::fclose(file);
  return text;
}

// When a process was started, in clock ticks since boot; empty where it cannot be read.
std::string StartTime(const std::string& pid) {
  const std::string stat = ReadProc(absl::StrCat("/proc/", pid, "/stat"));
  // The second field, the program's name in parentheses, may hold anything.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  const std::vector<std::string> fields =
      absl::StrSplit(stat.substr(name_end + 1), ' ', absl::SkipEmpty());
  constexpr size_t kStartTime = 22 - 3;
  return fields.size() > kStartTime ? fields[kStartTime] : "";
}

// Of this machine since it started, as this pid namespace numbers its processes.
std::string Place() {
  std::error_code error;
  const std::string pids = std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
  const std::string boot(absl::StripAsciiWhitespace(ReadProc("/proc/sys/kernel/random/boot_id")));
  return error || boot.empty() ? "" : absl::StrCat(boot, " ", pids);
}

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string ProcessIdentity() {
  const std::string place = Place();
  const std::string start = StartTime("self");
  if (place.empty() || start.empty()) return "";
  return absl::StrCat(place, " ", ::getpid(), " ", start);
}

Liveness LivenessOf(const std::string& identity) {
  const std::vector<std::string> parts = absl::StrSplit(identity, ' ');
  pid_t pid = 0;
  if (parts.size() != 4 || absl::StrCat(parts[0], " ", parts[1]) != Place() ||
      !absl::SimpleAtoi(parts[2], &pid) || pid <= 0) {
    return Liveness::kUnknown;
  }
  // One of another user counts, too; /proc may hide it (hidepid).
  if (::kill(pid, 0) != 0 && errno == ESRCH) return Liveness::kDead;
  const std::string start = StartTime(parts[2]);
  if (start.empty()) return Liveness::kUnknown;
  return start == parts[3] ? Liveness::kAlive : Liveness::kDead;
}

std::string UserAtHost() {
  std::string user;
  for (const char* name : {"SUDO_USER", "USER", "LOGNAME"}) {
    if (user.empty()) user = FromEnvironment(name);
  }
  if (user.empty()) user = absl::StrCat("uid ", ::getuid());
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return absl::StrCat(user, "@", host.data());
}

}  // namespace lighter
