#include "coordinator/plan/describe_package.h"

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "coordinator/plan/describe.h"
#include "coordinator/progress/render.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// Stored bytes of the distinct blobs of one bundle.
uint64_t BundleBytes(const Bundle& bundle) {
  std::set<Digest> seen;
  uint64_t bytes = 0;
  const auto add = [&](const StoredBlob& blob) {
    if (seen.insert(blob.digest).second) bytes += blob.size;
  };
  for (const ArchiveImage& image : bundle.images.images) {
    add(image.config);
    for (const ArchiveLayer& layer : image.layers) add(layer.blob);
  }
  return bytes;
}

// "chart hydra 0.9.0 (app 1.2)".
std::string ChartOf(const Bundle& bundle) {
  if (!bundle.has_chart()) return "no chart";
  return absl::StrCat(
      "chart ", bundle.chart_name, " ", bundle.chart_version,
      bundle.app_version.empty() ? "" : " (app " + OneLine(bundle.app_version) + ")");
}

std::string SourceNames(const ArchiveImage& image) {
  return image.repo_tags.empty() ? "(no name in the archive)"
                                 : OneLine(absl::StrJoin(image.repo_tags, ", "));
}

uint64_t ImageBytes(const ArchiveImage& image) {
  uint64_t bytes = image.config.size;
  for (const ArchiveLayer& layer : image.layers) bytes += layer.blob.size;
  return bytes;
}

}  // namespace

std::string ChecksumLists(const std::vector<FileChecksum>& checksums) {
  std::set<std::string> lists;
  for (const FileChecksum& checksum : checksums) {
    const fs::path list(checksum.list);
    // Beside the package only its name is worth telling; a link's may lie elsewhere.
    const bool is_beside =
        list.parent_path() == fs::path(checksum.file->Parts().front().path).parent_path();
    lists.insert(OneLine(is_beside ? list.filename().string() : list.string()));
  }
  return absl::StrJoin(lists, ", ");
}

std::string PackageLines(const Package& package, const std::vector<FileChecksum>& checksums) {
  const std::string lists = ChecksumLists(checksums);
  return absl::StrCat(
      "Package ", package.path, ": ", FormatBytes(package.size), ", ",
      Count(package.bundles.size(), "bundle"), "\n",
      lists.empty() ? "" : absl::StrCat("Checksum: ", lists, ", verified by load and upgrade\n"));
}

ordered_json ChecksumsToJson(const std::vector<FileChecksum>& checksums) {
  ordered_json json = ordered_json::array();
  for (const FileChecksum& checksum : checksums) {
    json.push_back({{"file", checksum.name},
                    {"list", checksum.list},
                    {"kind", HashName(checksum.kind)},
                    {"expected", checksum.hex}});
  }
  return json;
}

std::string DescribePackage(const Package& package, const std::vector<FileChecksum>& checksums) {
  std::string text = PackageLines(package, checksums);
  for (const Bundle& bundle : package.bundles) {
    absl::StrAppend(&text, "\n", bundle.name, "\n  ", ChartOf(bundle), ", ",
                    Count(bundle.images.images.size(), "image"), ", ",
                    FormatBytes(BundleBytes(bundle)), " of distinct blobs\n");
    for (const ArchiveImage& image : bundle.images.images) {
      absl::StrAppend(&text, absl::StrFormat("  %-60s %9s  %-10s %s/%s\n", SourceNames(image),
                                             FormatBytes(ImageBytes(image)),
                                             Count(image.layers.size(), "layer"), OneLine(image.os),
                                             OneLine(image.architecture)));
    }
  }
  return text;
}

ordered_json PackageToJson(const Package& package, const std::vector<FileChecksum>& checksums) {
  ordered_json json = {{"apiVersion", kJsonApiVersion},
                       {"kind", "Package"},
                       {"path", package.path},
                       {"sizeBytes", package.size},
                       {"checksums", ChecksumsToJson(checksums)},
                       {"bundles", ordered_json::array()}};
  for (const Bundle& bundle : package.bundles) {
    ordered_json images = ordered_json::array();
    for (const ArchiveImage& image : bundle.images.images) {
      ordered_json layers = ordered_json::array();
      for (const ArchiveLayer& layer : image.layers) {
        layers.push_back({{"digest", layer.blob.digest.str()},
                          {"sizeBytes", layer.blob.size},
                          {"offset", layer.blob.offset},
                          {"mediaType", layer.media_type},
                          {"diffId", layer.diff_id.str()}});
      }
      images.push_back({{"names", image.repo_tags},
                        {"configDigest", image.config.digest.str()},
                        {"manifestDigest", image.manifest_digest.str()},
                        {"platform", image.os + "/" + image.architecture},
                        {"sizeBytes", ImageBytes(image)},
                        {"layers", std::move(layers)}});
    }
    json["bundles"].push_back({{"name", bundle.name},
                               {"chart", bundle.chart_name},
                               {"chartVersion", bundle.chart_version},
                               {"appVersion", bundle.app_version},
                               {"distinctBytes", BundleBytes(bundle)},
                               {"images", std::move(images)}});
  }
  return json;
}

}  // namespace lighter
