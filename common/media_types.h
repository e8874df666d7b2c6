// The media types of manifests, indexes, configs and layers that are understood: Docker's and
// OCI's.
#pragma once

#include <string_view>

namespace lighter {

bool IsManifestType(std::string_view type);  // of one image
bool IsIndexType(std::string_view type);     // of images for several platforms
bool IsConfigType(std::string_view type);    // of a container image
bool IsLayerType(std::string_view type);     // a tar; plain, gzip or zstd

}  // namespace lighter
