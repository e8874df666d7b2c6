#include "common/media_types.h"

#include <algorithm>
#include <array>

#include "common/oci.h"

namespace lighter {
namespace {

constexpr std::array<std::string_view, 2> kManifestTypes = {
    kDockerManifest, "application/vnd.oci.image.manifest.v1+json"};
constexpr std::array<std::string_view, 2> kIndexTypes = {
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json"};
constexpr std::array<std::string_view, 2> kConfigTypes = {
    kDockerConfig, "application/vnd.oci.image.config.v1+json"};
constexpr std::array<std::string_view, 6> kLayerTypes = {
    kDockerLayer,
    kDockerLayerGzip,
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    kOciLayerZstd};

template <size_t N>
bool IsOneOf(const std::array<std::string_view, N>& known, std::string_view type) {
  return std::find(known.begin(), known.end(), type) != known.end();
}

}  // namespace

bool IsManifestType(std::string_view type) { return IsOneOf(kManifestTypes, type); }
bool IsIndexType(std::string_view type) { return IsOneOf(kIndexTypes, type); }
bool IsConfigType(std::string_view type) { return IsOneOf(kConfigTypes, type); }
bool IsLayerType(std::string_view type) { return IsOneOf(kLayerTypes, type); }

}  // namespace lighter
