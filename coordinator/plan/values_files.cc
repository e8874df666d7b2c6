#include "coordinator/plan/values_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/usage_error.h"

namespace lighter {
namespace {

using PathMap = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// Helm's releases have at most a MiB, compressed.
constexpr uint64_t kMaxValuesBytes = 16 * kMiB;

absl::StatusOr<std::string> MapFiles(const std::string& value, const PathMap& map) {
  std::vector<std::string> files = absl::StrSplit(value, ',');
  for (std::string& file : files) {
    if (file == "-" || absl::StrContains(file, "://")) {
      return UsageError(absl::InvalidArgumentError(
          absl::StrCat("-f ", file, ": it is read more than once; save it to a file")));
    }
    ASSIGN_OR_RETURN(file, map(file));
  }
  return absl::StrJoin(files, ",");
}

// "key=path,key2=path2".
absl::StatusOr<std::string> MapSetFile(const std::string& value, const PathMap& map) {
  if (absl::StrContains(value, "\\")) {
    return UsageError(absl::InvalidArgumentError(
        absl::StrCat("--set-file ", value,
                     ": give the value in a -f file instead; escapes are not "
                     "understood here")));
  }
  std::vector<std::string> pairs = absl::StrSplit(value, ',');
  for (std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) continue;  // helm says what is wrong
    ASSIGN_OR_RETURN(const std::string path, map(pair.substr(equals + 1)));
    pair = absl::StrCat(pair.substr(0, equals + 1), path);
  }
  return absl::StrJoin(pairs, ",");
}

// Also of a pipe, to its end.
absl::StatusOr<std::string> ReadAll(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, path);
  std::string data;
  std::string buffer(64 * kKiB, '\0');
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, path);
    if (n == 0) return data;
    data.append(buffer, 0, static_cast<size_t>(n));
    if (data.size() > kMaxValuesBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": at most ", kMaxValuesBytes, " bytes of values are accepted"));
    }
  }
}

}  // namespace

absl::StatusOr<ValueArgs> MapValuesFiles(const ValueArgs& args, const PathMap& map) {
  ValueArgs result = args;
  for (size_t i = 0; i + 1 < result.size(); i += 2) {
    if (result[i] == "-f") {
      ASSIGN_OR_RETURN(result[i + 1], MapFiles(result[i + 1], map));
    } else if (result[i] == "--set-file") {
      ASSIGN_OR_RETURN(result[i + 1], MapSetFile(result[i + 1], map));
    }
  }
  return result;
}

absl::StatusOr<ValueArgs> KeepValuesFiles(const ValueArgs& args, const std::string& folder) {
  int kept = 0;
  return MapValuesFiles(args, [&](const std::string& path) -> absl::StatusOr<std::string> {
    absl::StatusOr<std::string> data = ReadAll(path);
    if (!data.ok()) return UsageError(data.status());
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return ErrnoStatus(error.value(), "create " + folder);
    const std::string copy = absl::StrCat(folder, "/", ++kept, ".yaml");
    RETURN_IF_ERROR(WriteFileAtomic(copy, *data, 0600));
    return copy;
  });
}

}  // namespace lighter
