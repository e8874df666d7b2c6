// A chart that lies beside its images instead of in a bundle: a folder, or packed by `helm
// package`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file.h"
#include "coordinator/package/package.h"

namespace lighter {

struct LooseChart {
  std::string path;                          // of its folder or file
  std::shared_ptr<const ReadableFile> file;  // a copy in memory, in which `files` lie
  std::vector<ChartFile> files;              // in the order of their paths
};

// The one chart in `folder`: a folder in it with a Chart.yaml, whatever it is called, or a *.tgz
// with one; nothing where there is none. It is read whole, within the caps of common/limits.h.
// InvalidArgument for two charts, and for a link in one; errors of IndexTar for a packed one.
absl::StatusOr<std::optional<LooseChart>> FindLooseChart(const std::string& folder);

}  // namespace lighter
