// Archives, bundles and packages in the formats that vendors ship.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/image_builder.h"
#include "tests/support/rope.h"

namespace lighter::support {

// How an images.tar is laid out.
enum class ArchiveStyle {
  kChartsSyncer,  // ggcr: "sha256:<hex>" configs, "<hex>.tar.gz" layers once each, manifest.json
                  // last
  kDockerSave,    // Docker before 25: "<id>/layer.tar" plain, repeated layers as symlinks
  kSkopeo,        // skopeo docker-archive: "<hex>.tar" plain, "<hex>.json"
  kDockerSave25,  // Docker 25 and later: OCI layout plus manifest.json with blobs/sha256/ paths
};

// Layers of kDockerSave and kSkopeo must be made with Compression::kNone.
Rope ImagesTar(const std::vector<Image>& images, ArchiveStyle style = ArchiveStyle::kChartsSyncer);

// A bundle as charts-syncer up to 0.20 writes it: hints.yaml, original-chart/..., images.tar last.
struct BundleSpec {
  std::string hints;
  std::map<std::string, std::string> chart;  // file name below original-chart/ to content
  std::optional<Rope> images_tar;            // none: a bundle made with skipImages
  std::string folder = {};                   // a leading folder for all entries, e.g. "x.bundle"
};
Rope BundleTar(const BundleSpec& spec);

// The outer tar: files (bundles, checksum files, ...) in order, in `folder` unless that is empty.
Rope PackageTar(const std::vector<std::pair<std::string, Rope>>& files,
                const std::string& folder = {});

}  // namespace lighter::support
