#include "coordinator/package/replace_chart.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/tar_index.h"
#include "coordinator/package/chart.h"

namespace lighter {
namespace {

constexpr char kChartYaml[] = "Chart.yaml";

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};

// All of a gzip file, of at most kMaxChartBytes.
absl::StatusOr<std::string> Gunzip(const std::string& path) {
  errno = 0;
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rbe"));
  if (file == nullptr) return ErrnoStatus(errno, "open " + path);
  std::string text;
  std::string buffer(kMiB, '\0');
  while (true) {
    const int n = gzread(file.get(), buffer.data(), static_cast<unsigned>(buffer.size()));
    if (n < 0) return absl::InvalidArgumentError(path + ": not a gzip file, or a damaged one");
    if (n == 0) return text;
    text.append(buffer, 0, static_cast<size_t>(n));
    if (text.size() > kMaxChartBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": the chart has more than ", kMaxChartBytes, " bytes unpacked"));
    }
  }
}

// The files below the tar's one folder, which is named after the chart.
absl::StatusOr<std::vector<ChartFile>> ChartFilesOf(const ReadableFile& tar,
                                                    const std::string& what) {
  ASSIGN_OR_RETURN(const std::vector<TarEntry> entries, IndexTar(tar, {0, tar.size()}, what));
  std::vector<ChartFile> files;
  std::string folder;
  for (const TarEntry& entry : entries) {
    if (entry.type == TarEntryType::kDirectory) continue;
    const size_t slash = entry.name.find('/');
    if (entry.type != TarEntryType::kRegular || slash == std::string::npos ||
        (!folder.empty() && entry.name.substr(0, slash) != folder)) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": entry \"", entry.name,
                       "\" does not belong into a chart: it has one folder, "
                       "with files"));
    }
    folder = entry.name.substr(0, slash);
    files.push_back({entry.name.substr(slash + 1), entry.offset, entry.size});
  }
  return files;
}

}  // namespace

absl::Status ReplaceChart(Package& package, const std::string& tgz, const std::string& tar_path) {
  ASSIGN_OR_RETURN(const std::string tar, Gunzip(tgz));
  RETURN_IF_ERROR(WriteFileAtomic(tar_path, tar, 0600));
  ASSIGN_OR_RETURN(ReadableFile opened, ReadableFile::Open(tar_path));
  const auto file = std::make_shared<const ReadableFile>(std::move(opened));
  ASSIGN_OR_RETURN(std::vector<ChartFile> files, ChartFilesOf(*file, tgz));
  const auto yaml = std::find_if(files.begin(), files.end(),
                                 [](const ChartFile& f) { return f.path == kChartYaml; });
  if (yaml == files.end() || yaml->size > kMaxChartFileBytes) {
    return absl::InvalidArgumentError(tgz + ": no chart (a chart has a Chart.yaml)");
  }
  ASSIGN_OR_RETURN(const std::string text, file->ReadAt(yaml->offset, yaml->size));
  ASSIGN_OR_RETURN(const ChartMetadata chart, ParseChartYaml(text, tgz + ": Chart.yaml"));
  std::vector<std::string> there;
  for (Bundle& bundle : package.bundles) {
    there.push_back(bundle.chart_name);
    if (bundle.chart_name != chart.name) continue;
    bundle.chart_file = file;
    bundle.chart_files = std::move(files);
    bundle.chart_version = chart.version;
    bundle.app_version = chart.app_version;
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat(
      tgz, " is chart ", chart.name,
      ", and no bundle of this package has one of that name: ", absl::StrJoin(there, ", ")));
}

}  // namespace lighter
