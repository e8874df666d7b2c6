// Packages that were cut into parts to fit on a medium, as `split`, 7-Zip and the like cut them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

// The files whose bytes, one after the other, are the package at `path`:
//
//   p.tar.001, p.tar.002, ...      p.tar.00, p.tar.01, ...     p.tar.aa, p.tar.ab, ...
//   p.tar.part-aa, p.tar.part1, p.part01, ...                  (any width, also over .9, .10)
//
// where `path` is one of the parts, or the name that they have in common ("p.tar" or "p", when no
// such file is there). Otherwise `path` alone. InvalidArgument names a part that is missing between
// others, or before them (a missing last one cannot be known here), or two sets of parts with that
// name.
absl::StatusOr<std::vector<std::string>> FindParts(const std::string& path);

// The name of the tar that was cut into parts, without its folder: "p.tar" for the part
// "dir/p.tar.part-aa". It always ends with ".tar".
std::string NameOfWhole(const std::string& part);

}  // namespace lighter
