#include "coordinator/package/loose_chart.h"

#include <archive.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file_write.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/tar_index.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

constexpr char kChartYaml[] = "Chart.yaml";
constexpr size_t kReadBytes = 64 * kKiB;

// A file without a disk, written from its start and then read like any other.
class MemoryFile {
 public:
  static absl::StatusOr<MemoryFile> Make(const std::string& what) {
    UniqueFd fd(::memfd_create("lighter-chart", MFD_CLOEXEC));
    if (!fd.ok()) return ErrnoStatus(errno, what + ": keep the chart in memory");
    return MemoryFile(std::move(fd), what);
  }

  uint64_t size() const { return size_; }

  absl::Status Append(std::string_view bytes) {
    size_ += bytes.size();
    if (size_ > kMaxChartBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(what_, ": the chart has more than ", kMaxChartBytes, " bytes"));
    }
    return WriteAll(fd_.get(), bytes, what_);
  }

  absl::StatusOr<std::shared_ptr<const ReadableFile>> Reopen() const {
    ASSIGN_OR_RETURN(ReadableFile file,
                     ReadableFile::Open(absl::StrCat("/proc/self/fd/", fd_.get())));
    return std::make_shared<const ReadableFile>(std::move(file));
  }

 private:
  MemoryFile(UniqueFd fd, std::string what) : fd_(std::move(fd)), what_(std::move(what)) {}

  UniqueFd fd_;
  std::string what_;
  uint64_t size_ = 0;
};

absl::Status IsLink(const std::string& what, const std::string& name) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": \"", name, "\" is a link or device; a chart holds only files"));
}

// The files below `path`, in the order of their paths.
absl::StatusOr<std::vector<fs::path>> ListFiles(const std::string& path) {
  std::vector<fs::path> files;
  uint64_t seen = 0;
  std::error_code error;
  fs::recursive_directory_iterator it(path, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::file_type type = it->symlink_status(error).type();
    if (++seen > kMaxChartPathParts) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": the chart has more than ", kMaxChartPathParts, " files"));
    }
    if (error || type == fs::file_type::directory) continue;
    if (type != fs::file_type::regular) return IsLink(path, it->path().string());
    files.push_back(it->path());
  }
  if (error) return ErrnoStatus(error.value(), "read folder " + path);
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<LooseChart> ReadChartFolder(const std::string& path) {
  ASSIGN_OR_RETURN(MemoryFile memory, MemoryFile::Make(path));
  ASSIGN_OR_RETURN(const std::vector<fs::path> files, ListFiles(path));
  LooseChart chart{.path = path, .file = nullptr, .files = {}};
  for (const fs::path& file : files) {
    ASSIGN_OR_RETURN(const std::string data, ReadFile(file.string(), kMaxChartFileBytes));
    chart.files.push_back(
        {file.lexically_relative(path).string(), memory.size(), uint64_t{data.size()}});
    RETURN_IF_ERROR(memory.Append(data));
  }
  ASSIGN_OR_RETURN(chart.file, memory.Reopen());
  return chart;
}

// The plain tar inside `path`; nothing where it is not compressed with gzip.
absl::StatusOr<std::shared_ptr<const ReadableFile>> Gunzip(const std::string& path) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  const auto failed = [&] {
    const char* text = archive_error_string(reader.get());
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", text != nullptr ? text : "damaged"));
  };
  if (archive_read_open_filename(reader.get(), path.c_str(), kReadBytes) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return failed();
  }
  if (archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_GZIP) return nullptr;
  ASSIGN_OR_RETURN(MemoryFile memory, MemoryFile::Make(path));
  std::string buffer(kReadBytes, '\0');
  while (true) {
    const la_ssize_t n = archive_read_data(reader.get(), buffer.data(), buffer.size());
    if (n < 0) return failed();
    if (n == 0) return memory.Reopen();
    RETURN_IF_ERROR(memory.Append(std::string_view(buffer.data(), static_cast<size_t>(n))));
  }
}

// Nothing where the file is no packed chart: `helm package` puts one folder into it.
absl::StatusOr<std::optional<LooseChart>> ReadPackedChart(const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const ReadableFile> tar, Gunzip(path));
  if (tar == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(const std::vector<TarEntry> entries, IndexTar(*tar, {0, tar->size()}, path));
  const auto yaml = std::find_if(entries.begin(), entries.end(), [](const TarEntry& entry) {
    return absl::EndsWith(entry.name, absl::StrCat("/", kChartYaml)) &&
           std::count(entry.name.begin(), entry.name.end(), '/') == 1;
  });
  if (yaml == entries.end()) return std::nullopt;
  const std::string root = yaml->name.substr(0, yaml->name.find('/') + 1);
  LooseChart chart{.path = path, .file = tar, .files = {}};
  for (const TarEntry& entry : entries) {
    if (!absl::StartsWith(entry.name, root) || entry.type == TarEntryType::kDirectory) continue;
    if (entry.type != TarEntryType::kRegular) return IsLink(path, entry.name);
    chart.files.push_back({entry.name.substr(root.size()), entry.offset, entry.size});
  }
  std::sort(chart.files.begin(), chart.files.end(),
            [](const ChartFile& a, const ChartFile& b) { return a.path < b.path; });
  return chart;
}

}  // namespace

absl::StatusOr<std::optional<LooseChart>> FindLooseChart(const std::string& folder) {
  std::optional<LooseChart> found;
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    paths.push_back(it->path());
  }
  if (error) return ErrnoStatus(error.value(), "read folder " + folder);
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    std::error_code ignored;
    std::optional<LooseChart> chart;
    if (fs::is_regular_file(path / kChartYaml, ignored)) {
      ASSIGN_OR_RETURN(chart, ReadChartFolder(path.string()));
    } else if (path.extension() == ".tgz" && fs::is_regular_file(path, ignored)) {
      ASSIGN_OR_RETURN(chart, ReadPackedChart(path.string()));
    }
    if (!chart) continue;
    if (found) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder, ": two charts, ", found->path, " and ", chart->path,
                       "; give each a folder of its own, with its images"));
    }
    found = std::move(chart);
  }
  return found;
}

}  // namespace lighter
