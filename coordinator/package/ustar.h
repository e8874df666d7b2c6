// Writing tars: the header of a regular file.
#pragma once

#include <cstdint>
#include <string>

namespace lighter {

inline constexpr uint64_t kTarBlock = 512;

// A header in POSIX ustar format (pax(1), "ustar Interchange Format"), of root's and without times;
// sizes of 8 GiB and more as GNU tar writes them. `name` has less than 100 bytes. libarchive could
// write it, but its static library asks for every compression there is.
std::string UstarHeader(const std::string& name, unsigned mode, uint64_t size);

// What follows `size` bytes of a file up to the next header.
std::string TarPadding(uint64_t size);

// What follows the last file.
std::string TarEnd();

}  // namespace lighter
