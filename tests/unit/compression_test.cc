#include "common/compression.h"

#include <gtest/gtest.h>

#include "tests/support/compress.h"

namespace lighter {
namespace {

TEST(CompressionTest, IsToldByTheFirstBytes) {
  struct Case {
    std::string bytes;
    Compression expected;
  };
  for (const Case& c : std::vector<Case>{
           {support::Compress("x", Compression::kGzip), Compression::kGzip},
           {support::Compress("x", Compression::kZstd), Compression::kZstd},
           {std::string("\x5f\x2a\x4d\x18 skippable"), Compression::kZstd},
           {std::string("\xfd"
                        "7zXZ\0",
                        6),
            Compression::kXz},
           {"BZh91AY&SY...", Compression::kBzip2},
           {std::string("BZh9\x17\x72\x45\x38\x50\x90", 10), Compression::kBzip2},
           {"\x04\x22\x4d\x18", Compression::kLz4},
           {"", Compression::kNone},
           {"\x1f", Compression::kNone},
           {"\x1f\x8b", Compression::kNone},
           {"BZh91 is a file name", Compression::kNone},
           {"etc/passwd", Compression::kNone},
       }) {
    EXPECT_EQ(DetectCompression(c.bytes), c.expected) << c.bytes;
    EXPECT_EQ(DetectCompression(c.bytes.substr(0, kCompressionMagicBytes)), c.expected)
        << "kCompressionMagicBytes are enough for " << CompressionName(c.expected);
  }
}

}  // namespace
}  // namespace lighter
