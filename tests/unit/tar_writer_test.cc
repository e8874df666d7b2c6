#include "tests/support/tar_writer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/file.h"
#include "common/limits.h"
#include "tests/support/temp_dir.h"

namespace lighter::support {
namespace {

std::string Octal(const std::string& header, size_t at, size_t size) {
  return header.substr(at, size);
}

// The header that relok8s writes (Go archive/tar, USTAR; seen in its own test fixture).
TEST(TarWriterTest, HeadersAreThoseOfGosArchiveTar) {
  const std::string header = TarHeader({.name = "hints.yaml"}, 13);
  ASSERT_EQ(header.size(), 512u);
  EXPECT_EQ(header.substr(0, 11), std::string("hints.yaml\0", 11));
  EXPECT_EQ(Octal(header, 100, 8), std::string("0000644\0", 8));
  EXPECT_EQ(Octal(header, 108, 16), std::string("0000000\0000000000\0", 16));
  EXPECT_EQ(Octal(header, 124, 12), std::string("00000000015\0", 12));
  EXPECT_EQ(Octal(header, 136, 12), std::string("00000000000\0", 12));
  EXPECT_EQ(header[156], '0');
  EXPECT_EQ(header.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(header.substr(265, 64), std::string(64, '\0')) << "no user and group names";
  EXPECT_EQ(header[154], '\0');
  EXPECT_EQ(header[155], ' ');
}

TEST(TarWriterTest, EndsWithExactly1024Zeros) {
  TarWriter tar;
  EXPECT_EQ(tar.AddFile("a", "12345"), 512u);
  EXPECT_EQ(tar.AddFile("b", std::string(512, 'x')), 1536u);
  EXPECT_EQ(tar.Finish().size(), 512u + 512 + 512 + 512 + 1024);
  EXPECT_EQ(tar.Finish().str().substr(2048), std::string(1024, '\0'));
}

TEST(TarWriterTest, HugeSizesGoIntoAPaxRecordAndZeroIntoTheHeader) {
  const std::string header = TarHeader({.name = "images.tar"}, 8 * kGiB);
  ASSERT_EQ(header.size(), 3 * 512u);
  EXPECT_EQ(header[156], 'x');
  EXPECT_EQ(header.substr(512, 19), "19 size=8589934592\n");
  EXPECT_EQ(Octal(header, 1024 + 124, 12), std::string("00000000000\0", 12));
  EXPECT_EQ(TarHeader({.name = "images.tar"}, 8 * kGiB - 1).size(), 512u);
}

TEST(RopeTest, PiecesMakeOneWhole) {
  Rope inner("abc");
  inner.AppendZeros(2);
  Rope rope("x");
  rope.Append(inner);
  rope.Append(rope);
  const std::string expected("xabc\0\0xabc\0\0", 12);
  EXPECT_EQ(rope.str(), expected);
  EXPECT_EQ(rope.size(), expected.size());
  EXPECT_EQ(rope.digest(), Digest::Of(expected));
  TempDir dir;
  ASSERT_TRUE(rope.WriteTo(dir.File("x")).ok());
  EXPECT_EQ(ReadFile(dir.File("x"), 100).value(), expected);
}

}  // namespace
}  // namespace lighter::support
