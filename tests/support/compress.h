// Compressed bytes for test layers; the same input gives the same output.
#pragma once

#include <string>
#include <string_view>

#include "common/compression.h"

namespace lighter::support {

// kNone, kGzip (zlib, level 6, no time stamp) or kZstd (level 3). Ends the program for others.
std::string Compress(std::string_view data, Compression compression);

}  // namespace lighter::support
