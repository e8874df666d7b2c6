// Tars written as text, so that a fuzzer changes what is in them and not their checksums.
#pragma once

#include <string>
#include <string_view>

namespace lighter::fuzz {

// The tar of these entries; a line "%1 NAME" begins one, what follows the line is its data:
//
//   %1 hints.yaml
//   - "{{ .image }}"
//   %1 original-chart/
//   %1 link -> target      a symlink; "=>" a hard link
//   %1 images.tar
//   %2 manifest.json       data that begins with the next level's mark is a tar itself
//   []
//
// A name that ends with "/" is a folder. "${x}" in a name is the SHA-256 of the data, in hex;
// behind that entry "${x}" means the same and "${x.size}" how many bytes these are, so that a
// layout's digests stay right whatever is changed. What comes before the first entry is left out.
std::string TarOfText(std::string_view text);

}  // namespace lighter::fuzz
