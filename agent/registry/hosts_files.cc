#include "agent/registry/hosts_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/reference.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr char kFile[] = "hosts.toml";
constexpr char kMark[] = "# lighter-agent wrote this, and `lighter agent uninstall` removes it.\n";
// Where Write makes what it then puts in place; no registry has such a name, so all in it is ours.
constexpr std::string_view kUnfinished = ".lighter-";

enum class Owner { kNobody, kLighter, kOthers };

bool IsThere(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

// Whose the settings in the folder of a registry are. A folder without a hosts.toml counts, too:
// containerd reads certificates there, and no more beside a hosts.toml.
Owner OwnerOf(const std::string& folder) {
  struct stat found {};
  if (::lstat(folder.c_str(), &found) != 0) return Owner::kNobody;
  const std::string file = absl::StrCat(folder, "/", kFile);
  struct stat settings {};
  const bool plain =
      S_ISDIR(found.st_mode) && ::lstat(file.c_str(), &settings) == 0 && S_ISREG(settings.st_mode);
  const std::string text = plain ? ReadFile(file, 64 * kKiB).value_or("") : "";
  return text.starts_with(kMark) ? Owner::kLighter : Owner::kOthers;
}

absl::Status RemoveOurs(const std::string& folder) {
  const std::string file = absl::StrCat(folder, "/", kFile);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "remove " + file);
  // It stays where others have put something into it.
  if (::rmdir(folder.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, "remove " + folder);
}

// Whatever a killed Write left there.
absl::Status RemoveUnfinished(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  return error ? ErrnoStatus(error.value(), "remove " + folder) : absl::OkStatus();
}

// What else containerd would read for this registry instead of its folder, or what our folder would
// hide: "host_port_" comes before "host:port", and "_default" after both.
std::vector<std::string> Rivals(const std::string& registry) {
  std::vector<std::string> rivals = {"_default"};
  if (const size_t colon = registry.rfind(':'); colon != std::string::npos) {
    rivals.push_back(absl::StrCat(registry.substr(0, colon), "_", registry.substr(colon + 1), "_"));
  }
  return rivals;
}

absl::Status NotOurs(const std::string& path) {
  return absl::AlreadyExistsError(
      absl::StrCat(path,
                   " is there and not lighter's, so it stays as it is; add the node's own "
                   "registry to it by hand, or remove it"));
}

}  // namespace

std::string HostsFiles::Text(const std::string& server) const {
  return absl::StrCat(kMark, server.empty() ? "" : absl::StrCat("server = \"", server, "\"\n"),
                      "[host.\"", mirror_, "\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
}

absl::Status HostsFiles::Write(const std::string& registry, const std::string& server) const {
  RETURN_IF_ERROR(CheckRegistryName(registry));
  if (!IsThere(folder_)) return absl::NotFoundError(folder_ + " is not there");
  for (const std::string& rival : Rivals(registry)) {
    const std::string path = absl::StrCat(folder_, "/", rival);
    if (IsThere(path)) return NotOurs(path);
  }
  const std::string folder = absl::StrCat(folder_, "/", registry);
  const Owner owner = OwnerOf(folder);
  if (owner == Owner::kOthers) return NotOurs(folder);
  const std::string made = absl::StrCat(folder_, "/", ToAbsl(kUnfinished), registry);
  RETURN_IF_ERROR(RemoveUnfinished(made));
  if (::mkdir(made.c_str(), 0755) != 0) return ErrnoStatus(errno, "make " + made);
  const std::string file = absl::StrCat(made, "/", kFile);
  absl::Status written = WriteFileAtomic(file, Text(server), 0644);
  if (written.ok() && owner == Owner::kLighter) {
    const std::string ours = absl::StrCat(folder, "/", kFile);
    if (::rename(file.c_str(), ours.c_str()) != 0) written = ErrnoStatus(errno, "replace " + ours);
  } else if (written.ok() &&
             ::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, folder.c_str(), RENAME_NOREPLACE) != 0) {
    written = errno == EEXIST ? NotOurs(folder) : ErrnoStatus(errno, "make " + folder);
  }
  const absl::Status removed = RemoveUnfinished(made);
  return written.ok() ? removed : written;
}

absl::Status HostsFiles::RemoveAllBut(const std::set<std::string>& kept) const {
  std::error_code error;
  std::vector<std::string> names;
  for (auto it = std::filesystem::directory_iterator(folder_, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename());
  }
  if (error == std::errc::no_such_file_or_directory) return absl::OkStatus();
  if (error) return ErrnoStatus(error.value(), "list " + folder_);
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder_, "/", name);
    if (name.starts_with(kUnfinished)) {
      RETURN_IF_ERROR(RemoveUnfinished(path));
    } else if (!kept.contains(name) && OwnerOf(path) == Owner::kLighter) {
      RETURN_IF_ERROR(RemoveOurs(path));
    }
  }
  return absl::OkStatus();
}

}  // namespace lighter
