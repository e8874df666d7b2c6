// A package, read in place: the bundles in it, and in each the hints, the chart and the images.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file.h"
#include "common/image_archive.h"
#include "common/tar_index.h"

namespace lighter {

// A file of the chart, still inside the package.
struct ChartFile {
  std::string path;  // below original-chart/, e.g. "templates/web.yaml"
  uint64_t offset = 0;
  uint64_t size = 0;
};

// One *.bundle.tar, or a chart and an archive of images that lie in one folder. `file` is shared by
// all bundles of one package file.
struct Bundle {
  std::shared_ptr<const ReadableFile> file;
  std::shared_ptr<const ReadableFile> chart_file;  // that chart_files lie in; mostly `file`
  std::string name;           // entry or file name, for messages: "hydra_v0.9.0.bundle.tar"
  std::string chart_name;     // Chart.yaml; empty for an archive of images without a chart
  std::string chart_version;  // Chart.yaml
  std::string app_version;    // Chart.yaml; may be empty
  std::string hints;          // hints.yaml as it is; may be empty
  std::vector<ChartFile> chart_files;
  ImageArchive images;  // empty for a bundle without images.tar

  bool has_chart() const { return !chart_name.empty(); }
};

struct Package {
  std::string path;
  uint64_t size = 0;                                       // bytes, all files together
  std::vector<std::shared_ptr<const ReadableFile>> files;  // that hold bundles
  std::vector<Bundle> bundles;
};

// Opens a package: an outer tar of bundles, a single bundle, or a folder of either; a tar may come
// in parts, of which `path` names one or what their names have in common. Where there is no bundle,
// a folder may hold one archive of images with its chart, beside it or packed (see FindLooseChart),
// and hints.yaml; or archives alone, which `path` may be itself. Told apart by content, never by
// file name. Errors name file, entry and offset; a compressed package is refused with the command
// that unpacks it, one that holds a chart twice with FailedPrecondition.
absl::StatusOr<Package> OpenPackage(const std::string& path);

// Writes the bundle's chart into `folder` (created; must be empty), e.g. for Helm. Only regular
// files with safe relative names are written, within the caps of common/limits.h.
absl::Status ExtractChart(const Bundle& bundle, const std::string& folder);

}  // namespace lighter
