#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/package/package.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

absl::Status WriteChartFile(const Bundle& bundle, const ChartFile& file, const fs::path& target) {
  ASSIGN_OR_RETURN(const std::string data, bundle.chart_file->ReadAt(file.offset, file.size));
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error) return ErrnoStatus(error.value(), "create " + target.parent_path().string());
  // O_EXCL: the folder is ours and new, whatever is already there came from a name clash.
  const UniqueFd fd(
      ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd.ok()) return ErrnoStatus(errno, "create " + target.string());
  for (uint64_t done = 0; done < data.size();) {
    const ssize_t n = ::write(fd.get(), data.data() + done, data.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write " + target.string());
    done += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::Status CheckCaps(const Bundle& bundle) {
  uint64_t total = 0;
  uint64_t parts = 0;
  for (const ChartFile& file : bundle.chart_files) {
    total += file.size;
    parts += 1 + static_cast<uint64_t>(std::count(file.path.begin(), file.path.end(), '/'));
    if (file.size > kMaxChartFileBytes) {
      return absl::ResourceExhaustedError(absl::StrCat(bundle.name, ": chart file ", file.path,
                                                       " has ", file.size, " bytes, at most ",
                                                       kMaxChartFileBytes, " are accepted"));
    }
    if (total > kMaxChartBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(bundle.name, ": the chart has more than ", kMaxChartBytes, " bytes"));
    }
    if (parts > kMaxChartPathParts) {
      return absl::ResourceExhaustedError(absl::StrCat(
          bundle.name, ": the chart's files name more than ", kMaxChartPathParts, " folders"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExtractChart(const Bundle& bundle, const std::string& folder) {
  RETURN_IF_ERROR(CheckCaps(bundle));
  // Written beside and renamed: a folder of that name is either a whole chart or not there.
  fs::path target = fs::path(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  std::error_code error;
  if (target.has_parent_path()) fs::create_directories(target.parent_path(), error);
  if (error) return ErrnoStatus(error.value(), "create " + target.parent_path().string());
  std::string temp = target.string() + ".XXXXXX";
  if (::mkdtemp(temp.data()) == nullptr) return ErrnoStatus(errno, "create " + temp);
  auto remove_temp = absl::MakeCleanup([&temp] {
    std::error_code ignored;
    fs::remove_all(temp, ignored);
  });
  for (const ChartFile& file : bundle.chart_files) {
    RETURN_IF_ERROR(Annotate(WriteChartFile(bundle, file, fs::path(temp) / file.path),
                             bundle.name + ": chart file " + file.path));
  }
  if (::rename(temp.c_str(), target.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) {
      return absl::AlreadyExistsError(folder + ": not empty, the chart is not written there");
    }
    return ErrnoStatus(errno, "rename to " + folder);
  }
  std::move(remove_temp).Cancel();
  return absl::OkStatus();
}

}  // namespace lighter
