// Packages in words and in JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "coordinator/package/checksum.h"
#include "coordinator/package/package.h"

namespace lighter {

// The checksum files, without their folders where they lie beside the package:
// "a_checksum.sha512sum, b.tar.sha256". Empty where there are none.
std::string ChecksumLists(const std::vector<FileChecksum>& checksums);
// [{"file", "list", "kind", "expected"}].
nlohmann::ordered_json ChecksumsToJson(const std::vector<FileChecksum>& checksums);

// A line: path, size, bundles; and one for its checksum files, where there are any.
std::string PackageLines(const Package& package, const std::vector<FileChecksum>& checksums);

std::string DescribePackage(const Package& package, const std::vector<FileChecksum>& checksums);
nlohmann::ordered_json PackageToJson(const Package& package,
                                     const std::vector<FileChecksum>& checksums);

}  // namespace lighter
