#include "coordinator/package/package.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/compression.h"
#include "common/limits.h"
#include "common/status.h"
#include "coordinator/package/chart.h"
#include "coordinator/package/loose_chart.h"
#include "coordinator/package/parts.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kChartFolder = "original-chart/";
constexpr std::string_view kChartYaml = "Chart.yaml";
constexpr std::string_view kHints = "hints.yaml";
constexpr std::string_view kImages = "images.tar";
constexpr uint64_t kTarMagicOffset = 257;
constexpr std::string_view kTarMagic = "ustar";

// A tar inside a package file: where it lies, what it holds.
struct Tar {
  std::shared_ptr<const ReadableFile> file;
  std::string name;  // of the entry or file, without folders
  std::string what;  // for messages
  std::vector<TarEntry> entries;
};

std::string BaseName(const std::string& path) { return fs::path(path).filename().string(); }

// Whether the bytes at `offset` start like a tar. Reads nothing past `size`.
absl::StatusOr<bool> LooksLikeTar(const ReadableFile& file, uint64_t offset, uint64_t size) {
  if (size < kTarMagicOffset + kTarMagic.size()) return false;
  ASSIGN_OR_RETURN(const std::string magic,
                   file.ReadAt(offset + kTarMagicOffset, kTarMagic.size()));
  return magic == kTarMagic;
}

bool IsBundleEntry(std::string_view name) {
  return name == kHints || name == kImages || name.starts_with(kChartFolder);
}

// The leading folder ("" or "x/") under which the tar holds a bundle; nothing where it holds none.
// A bundle is known by its entries, as relok8s itself knows it (verifyIntermediateBundle).
std::optional<std::string> FindBundle(const std::vector<TarEntry>& entries) {
  for (const TarEntry& entry : entries) {
    if (entry.type == TarEntryType::kDirectory) continue;
    if (IsBundleEntry(entry.name)) return "";
    const size_t slash = entry.name.find('/');
    if (slash == std::string::npos) continue;
    if (IsBundleEntry(std::string_view(entry.name).substr(slash + 1))) {
      return entry.name.substr(0, slash + 1);
    }
  }
  return std::nullopt;
}

// The entries of one bundle, sorted out.
struct BundleEntries {
  const TarEntry* hints = nullptr;
  const TarEntry* images = nullptr;
  const TarEntry* chart_yaml = nullptr;
  std::vector<ChartFile> chart_files;
};

absl::StatusOr<BundleEntries> SortEntries(const Tar& tar, const std::string& prefix) {
  BundleEntries result;
  std::map<std::string_view, const TarEntry*> seen;
  for (const TarEntry& entry : tar.entries) {
    if (!absl::StartsWith(entry.name, prefix) || entry.type == TarEntryType::kDirectory) continue;
    const std::string_view name = std::string_view(entry.name).substr(prefix.size());
    if (!IsBundleEntry(name)) continue;
    if (entry.type != TarEntryType::kRegular) {
      return absl::InvalidArgumentError(absl::StrCat(
          tar.what, ": entry \"", entry.name, "\" is a link or device; bundles hold only files"));
    }
    if (!seen.emplace(name, &entry).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(tar.what, ": entry \"", entry.name, "\" is there twice"));
    }
    if (name == kHints) result.hints = &entry;
    if (name == kImages) result.images = &entry;
    if (!name.starts_with(kChartFolder)) continue;
    const std::string_view path = name.substr(kChartFolder.size());
    if (path == kChartYaml) result.chart_yaml = &entry;
    result.chart_files.push_back({std::string(path), entry.offset, entry.size});
  }
  if (result.chart_yaml == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(tar.what, ": no ", prefix, ToAbsl(kChartFolder), ToAbsl(kChartYaml),
                     ", so this bundle has no chart; where images.tar and a chart lie side by side "
                     "in it, unpack "
                     "them into a folder (tar -xf) and name that"));
  }
  return result;
}

absl::StatusOr<std::string> ReadEntry(const Tar& tar, const TarEntry& entry, uint64_t max_bytes) {
  if (entry.size > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(tar.what, ": ", entry.name, " has ",
                                                     entry.size, " bytes, at most ", max_bytes,
                                                     " are accepted"));
  }
  return tar.file->ReadAt(entry.offset, entry.size);
}

// Takes over what the chart says of itself.
absl::Status SetChart(std::string_view chart_yaml, const std::string& what, Bundle& bundle) {
  ASSIGN_OR_RETURN(const ChartMetadata chart, ParseChartYaml(chart_yaml, what));
  bundle.chart_name = chart.name;
  bundle.chart_version = chart.version;
  bundle.app_version = chart.app_version;
  return absl::OkStatus();
}

absl::StatusOr<Bundle> ReadBundle(const Tar& tar, const std::string& prefix) {
  ASSIGN_OR_RETURN(BundleEntries entries, SortEntries(tar, prefix));
  Bundle bundle;
  bundle.file = tar.file;
  bundle.chart_file = tar.file;
  bundle.name = tar.name;
  bundle.chart_files = std::move(entries.chart_files);
  ASSIGN_OR_RETURN(const std::string chart_yaml,
                   ReadEntry(tar, *entries.chart_yaml, kMaxChartFileBytes));
  RETURN_IF_ERROR(
      SetChart(chart_yaml, absl::StrCat(tar.what, ": ", entries.chart_yaml->name), bundle));
  if (entries.hints != nullptr) {
    ASSIGN_OR_RETURN(bundle.hints, ReadEntry(tar, *entries.hints, kMaxHintsBytes));
  }
  if (entries.images != nullptr) {
    ASSIGN_OR_RETURN(bundle.images,
                     ReadImageArchive(*tar.file, {entries.images->offset, entries.images->size},
                                      absl::StrCat(tar.what, ": ", entries.images->name)));
  }
  return bundle;
}

absl::StatusOr<bool> IsCompressed(const ReadableFile& file, uint64_t offset, uint64_t size) {
  ASSIGN_OR_RETURN(const std::string start,
                   file.ReadAt(offset, std::min<uint64_t>(size, kCompressionMagicBytes)));
  return DetectCompression(start) != Compression::kNone;
}

// Whether this file beside the bundles is a bundle that someone compressed. Ignoring it would leave
// out a part of the package.
absl::StatusOr<bool> IsCompressedBundle(const ReadableFile& file, const std::string& name,
                                        uint64_t offset, uint64_t size) {
  if (!absl::StrContains(BaseName(name), "bundle")) return false;
  return IsCompressed(file, offset, size);
}

// The bundles of one tar: itself, or those it holds.
absl::StatusOr<std::vector<Bundle>> ReadBundles(const Tar& tar) {
  std::vector<Bundle> bundles;
  if (const auto prefix = FindBundle(tar.entries)) {
    ASSIGN_OR_RETURN(Bundle bundle, ReadBundle(tar, *prefix));
    bundles.push_back(std::move(bundle));
    return bundles;
  }
  for (const TarEntry& entry : tar.entries) {
    if (entry.type != TarEntryType::kRegular) continue;
    ASSIGN_OR_RETURN(const bool is_tar, LooksLikeTar(*tar.file, entry.offset, entry.size));
    ASSIGN_OR_RETURN(const bool is_compressed,
                     IsCompressedBundle(*tar.file, entry.name, entry.offset, entry.size));
    if (!is_tar && !is_compressed) continue;
    Tar inner{tar.file, BaseName(entry.name), absl::StrCat(tar.what, ": ", entry.name), {}};
    ASSIGN_OR_RETURN(inner.entries, IndexTar(*tar.file, {entry.offset, entry.size}, inner.what));
    const auto prefix = FindBundle(inner.entries);
    if (!prefix) continue;
    ASSIGN_OR_RETURN(Bundle bundle, ReadBundle(inner, *prefix));
    bundles.push_back(std::move(bundle));
  }
  return bundles;
}

// Copies with numbers ("p.tar.1", "p.tar.2") look like parts: the tar would end before the last
// one, which is a tar itself.
absl::Status CheckOneTar(const std::vector<std::string>& parts, const ReadableFile& file,
                         const std::vector<TarEntry>& entries) {
  const uint64_t last = file.Parts().back().start;
  const uint64_t end = entries.empty() ? 0 : entries.back().offset + entries.back().size;
  if (parts.size() == 1 || end > last) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool is_tar, LooksLikeTar(file, last, file.size() - last));
  if (!is_tar) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(parts.back(), ": a tar of its own, and no part of the one that begins in ",
                   parts.front(), "; rename the one that is meant"));
}

bool IsImageArchive(const Tar& tar) {
  return std::any_of(tar.entries.begin(), tar.entries.end(), [](const TarEntry& entry) {
    return entry.name == "manifest.json" || entry.name == "oci-layout";
  });
}

// What no bundle was found in.
struct Rest {
  std::vector<Tar> archives;            // of images
  std::vector<std::string> compressed;  // files
};

// Adds the bundles of one file to `package`, which may come in parts; an archive of images to
// `rest`. `required`: a file that is neither is an error.
absl::Status AddFile(const std::vector<std::string>& parts, bool required, Package& package,
                     Rest& rest) {
  ASSIGN_OR_RETURN(ReadableFile opened, ReadableFile::OpenParts(parts));
  const std::string path = opened.path();
  const auto file = std::make_shared<const ReadableFile>(std::move(opened));
  Tar tar{file, BaseName(parts.front()), path, {}};
  if (!required) {
    ASSIGN_OR_RETURN(const bool is_tar, LooksLikeTar(*file, 0, file->size()));
    ASSIGN_OR_RETURN(const bool is_compressed,
                     IsCompressedBundle(*file, tar.name, 0, file->size()));
    if (!is_tar && !is_compressed) {
      ASSIGN_OR_RETURN(const bool is_packed, IsCompressed(*file, 0, file->size()));
      if (is_packed && absl::StrContains(tar.name, ".tar")) rest.compressed.push_back(path);
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(tar.entries, IndexTar(*file, {0, file->size()}, path));
  RETURN_IF_ERROR(CheckOneTar(parts, *file, tar.entries));
  ASSIGN_OR_RETURN(std::vector<Bundle> bundles, ReadBundles(tar));
  if (bundles.empty() && IsImageArchive(tar)) {
    rest.archives.push_back(std::move(tar));
    return absl::OkStatus();
  }
  if (bundles.empty()) {
    if (!required) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": no bundle in it (a bundle holds hints.yaml, original-chart/ and images.tar)"));
  }
  package.size += file->size();
  package.files.push_back(file);
  std::move(bundles.begin(), bundles.end(), std::back_inserter(package.bundles));
  return absl::OkStatus();
}

absl::Status AddFolder(const std::string& path, Package& package, Rest& rest) {
  std::error_code error;
  std::vector<std::string> files;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) files.push_back(it->path().string());
  }
  if (error) return ErrnoStatus(error.value(), "read folder " + path);
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::vector<std::string> parts, FindParts(file));
    if (BaseName(parts.front()) != BaseName(file)) continue;  // came with the first
    RETURN_IF_ERROR(AddFile(parts, /*required=*/false, package, rest));
  }
  return absl::OkStatus();
}

absl::Status AddArchive(const Tar& tar, Bundle bundle, Package& package) {
  bundle.file = tar.file;
  bundle.name = tar.name;
  ASSIGN_OR_RETURN(bundle.images, ReadImageArchive(*tar.file, {0, tar.file->size()}, tar.what));
  package.size += tar.file->size();
  package.files.push_back(tar.file);
  package.bundles.push_back(std::move(bundle));
  return absl::OkStatus();
}

// The chart of a folder, and hints.yaml where that lies beside it.
absl::StatusOr<Bundle> ChartAlone(const std::string& folder, LooseChart chart) {
  Bundle bundle;
  bundle.chart_file = std::move(chart.file);
  bundle.chart_files = std::move(chart.files);
  for (const ChartFile& file : bundle.chart_files) {
    if (file.path != kChartYaml) continue;
    ASSIGN_OR_RETURN(const std::string yaml, bundle.chart_file->ReadAt(file.offset, file.size));
    RETURN_IF_ERROR(SetChart(yaml, absl::StrCat(chart.path, ": Chart.yaml"), bundle));
  }
  const fs::path hints = fs::path(folder) / kHints;
  std::error_code ignored;
  if (!fs::exists(hints, ignored)) return bundle;
  ASSIGN_OR_RETURN(bundle.hints, ReadFile(hints.string(), kMaxHintsBytes));
  return bundle;
}

// The way out for archives that somebody compressed.
absl::Status CheckNotCompressed(const Rest& rest) {
  for (const std::string& path : rest.compressed) {
    ASSIGN_OR_RETURN(const ReadableFile file, ReadableFile::Open(path));
    RETURN_IF_ERROR(IndexTar(file, {0, file.size()}, path).status());
  }
  return absl::OkStatus();
}

// The bundles of a package in which no bundle was found.
absl::Status AddRest(const std::string& path, const Rest& rest, Package& package) {
  std::error_code ignored;
  std::optional<LooseChart> chart;
  if (fs::is_directory(path, ignored)) {
    ASSIGN_OR_RETURN(chart, FindLooseChart(path));
  }
  if (rest.archives.empty()) {
    RETURN_IF_ERROR(CheckNotCompressed(rest));
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": no bundle in this folder (a bundle is a tar of hints.yaml, original-chart/ and "
        "images.tar), and no archive of images"));
  }
  if (!chart) {
    for (const Tar& tar : rest.archives) RETURN_IF_ERROR(AddArchive(tar, Bundle(), package));
    return absl::OkStatus();
  }
  if (rest.archives.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the chart ", chart->path, " and ", rest.archives.size(),
                     " archives of images, ", rest.archives[0].name,
                     " and others; put the chart's images into one (`docker save A B`), "
                     "or load each archive by itself"));
  }
  ASSIGN_OR_RETURN(Bundle bundle, ChartAlone(path, *std::move(chart)));
  return AddArchive(rest.archives[0], std::move(bundle), package);
}

// A chart that is there twice (two versions in a folder, a package beside its unpacked bundles)
// would be upgraded twice, in no certain order.
absl::Status CheckEachChartOnce(const Package& package) {
  std::map<std::string_view, const Bundle*> seen;
  for (const Bundle& bundle : package.bundles) {
    if (!bundle.has_chart()) continue;
    const auto [it, is_new] = seen.emplace(bundle.chart_name, &bundle);
    if (is_new) continue;
    const auto where = [](const Bundle& b) {
      return absl::StrCat(b.chart_version, " in ", b.file->path(), " (", b.name, ")");
    };
    return absl::FailedPreconditionError(absl::StrCat(package.path, ": chart ", bundle.chart_name,
                                                      " is there twice: ", where(*it->second),
                                                      " and ", where(bundle)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Package> OpenPackage(const std::string& path) {
  Package package;
  package.path = path;
  Rest rest;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    RETURN_IF_ERROR(AddFolder(path, package, rest));
  } else {
    ASSIGN_OR_RETURN(const std::vector<std::string> parts, FindParts(path));
    RETURN_IF_ERROR(AddFile(parts, /*required=*/true, package, rest));
  }
  if (package.bundles.empty()) RETURN_IF_ERROR(AddRest(path, rest, package));
  RETURN_IF_ERROR(CheckEachChartOnce(package));
  return package;
}

}  // namespace lighter
