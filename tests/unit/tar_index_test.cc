#include "common/tar_index.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "absl/time/clock.h"
#include "common/limits.h"
#include "common/status.h"
#include "tests/support/compress.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using support::FixTarChecksum;
using support::Rope;
using support::TarHeader;
using support::TarSpec;
using support::TarWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TarIndexTest : public ::testing::Test {
 protected:
  // The index of a file with these bytes, called "t.tar" in messages.
  absl::StatusOr<std::vector<TarEntry>> Index(const Rope& bytes) {
    const absl::Status written = bytes.WriteTo(path_);
    if (!written.ok()) return written;
    ASSIGN_OR_RETURN(file_, ReadableFile::Open(path_));
    return IndexTar(file_, {0, file_.size()}, "t.tar");
  }
  std::string DataOf(const TarEntry& entry) {
    return file_.ReadAt(entry.offset, entry.size).value();
  }

  support::TempDir dir_;
  const std::string path_ = dir_.File("t.tar");
  ReadableFile file_;
};

std::vector<std::string> Names(const std::vector<TarEntry>& entries) {
  std::vector<std::string> names;
  for (const TarEntry& entry : entries) names.push_back(entry.name);
  return names;
}

// `code` and all `parts` in the message.
void ExpectError(const absl::Status& status, absl::StatusCode code,
                 const std::vector<std::string>& parts) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& part : parts) EXPECT_THAT(Message(status), HasSubstr(part));
}

TEST_F(TarIndexTest, GivesNameOffsetAndSizeOfEveryEntry) {
  TarWriter tar;
  const uint64_t first = tar.AddFile("hints.yaml", "---\n");
  const uint64_t second = tar.AddFile("original-chart/Chart.yaml", std::string(513, 'x'));
  const uint64_t third = tar.AddFile("empty", "");
  const auto entries = Index(tar.Finish());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(Names(*entries), ElementsAre("hints.yaml", "original-chart/Chart.yaml", "empty"));
  EXPECT_EQ((*entries)[0].offset, first);
  EXPECT_EQ((*entries)[1].offset, second);
  EXPECT_EQ((*entries)[2].offset, third);
  EXPECT_EQ(DataOf((*entries)[0]), "---\n");
  EXPECT_EQ(DataOf((*entries)[1]), std::string(513, 'x'));
  EXPECT_EQ((*entries)[2].size, 0u);
}

TEST_F(TarIndexTest, ReadsARangeInsideAnotherFile) {
  TarWriter inner;
  inner.AddFile("deep", "bytes");
  TarWriter outer;
  outer.AddFile("readme", "hello");
  const Rope inner_bytes = inner.Finish();
  const uint64_t at = outer.AddFile("inner.tar", inner_bytes);
  ASSERT_TRUE(Index(outer.Finish()).ok());
  const auto entries = IndexTar(file_, {at, inner_bytes.size()}, "inner.tar");
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ((*entries)[0].offset, at + 512);
  EXPECT_EQ(DataOf((*entries)[0]), "bytes");
}

TEST_F(TarIndexTest, TypesLinksAndFolders) {
  TarWriter tar;
  tar.Add({.name = "d/", .type = '5', .mode = 0755});
  tar.AddFile("d/f", "data");
  tar.Add({.name = "d/s", .type = '2', .link = "../f"});
  tar.Add({.name = "d/h", .type = '1', .link = "d/f"});
  tar.Add({.name = "d/c", .type = '3', .dev_major = 1, .dev_minor = 3});
  const auto entries = Index(tar.Finish());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(Names(*entries), ElementsAre("d", "d/f", "d/s", "d/h", "d/c"));
  EXPECT_EQ((*entries)[0].type, TarEntryType::kDirectory);
  EXPECT_EQ((*entries)[1].type, TarEntryType::kRegular);
  EXPECT_EQ((*entries)[2].type, TarEntryType::kSymlink);
  EXPECT_EQ((*entries)[2].link_target, "../f");
  EXPECT_EQ((*entries)[3].type, TarEntryType::kHardlink);
  EXPECT_EQ((*entries)[3].link_target, "d/f");
  EXPECT_EQ((*entries)[4].type, TarEntryType::kOther);
}

TEST_F(TarIndexTest, LongAndNonAsciiNames) {
  const std::string split = std::string(90, 'a') + "/" + std::string(90, 'b');
  const std::string pax = std::string(300, 'p') + "/x";
  const std::string gnu = std::string(250, 'g');
  const std::string chinese = "original-chart/\xe6\xa8\xa1\xe6\x9d\xbf.yaml";
  const std::string latin1 = "caf\xe9";
  TarWriter tar;
  tar.AddFile(split, "1");
  tar.AddFile(pax, "2");
  tar.Add({.name = gnu, .gnu = true}, "3");
  tar.AddFile(chinese, "4");
  tar.AddFile(latin1, "5");
  tar.Add({.name = "g", .type = 'g', .pax = {}},
          "52 comment=0123456789012345678901234567890123456789\n");
  tar.AddFile("after-global", "6");
  const auto entries = Index(tar.Finish());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(Names(*entries), ElementsAre(split, pax, gnu, chinese, latin1, "after-global"));
  for (size_t i = 0; i < entries->size(); ++i) {
    EXPECT_EQ(DataOf((*entries)[i]), std::to_string(i + 1));
  }
}

TEST_F(TarIndexTest, CleansHarmlessPrefixesAndSlashes) {
  TarWriter tar;
  tar.Add({.name = "./", .type = '5'});
  tar.AddFile("./hints.yaml", "");
  tar.AddFile("a//b/./c", "");
  const auto entries = Index(tar.Finish());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(Names(*entries), ElementsAre("hints.yaml", "a/b/c"));
}

TEST_F(TarIndexTest, DuplicateNamesAreAllListed) {
  TarWriter tar;
  tar.AddFile("sha256:x", "{}");
  tar.AddFile("sha256:x", "{}");
  const auto entries = Index(tar.Finish());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(Names(*entries), ElementsAre("sha256:x", "sha256:x"));
}

TEST_F(TarIndexTest, ATarWithoutEntriesIsEmpty) {
  const auto entries = Index(TarWriter().Finish());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_TRUE(entries->empty());
}

TEST_F(TarIndexTest, RefusesUnsafeNames) {
  struct Case {
    TarSpec spec;
    std::string shown;
  };
  const std::string nul("evil\0.yaml", 10);
  for (const Case& c : std::vector<Case>{
           {{.name = "../etc/passwd"}, "\"../etc/passwd\""},
           {{.name = "a/../../b"}, "\"a/../../b\""},
           {{.name = ".."}, "\"..\""},
           {{.name = "/etc/passwd"}, "\"/etc/passwd\""},
           {{.name = ""}, "\"\""},
           {{.name = "a\nb"}, "\"a\\nb\""},
           {{.name = "a\x1b[2Jb"}, "\\033[2J"},
           {{.name = "a\x7f"}, "\\177"},
           {{.name = "x", .pax = {{"path", nul}}}, "\"evil\\000.yaml\""},
       }) {
    TarWriter tar;
    tar.AddFile("first", "");
    tar.Add(c.spec, "data");
    const auto entries = Index(tar.Finish());
    ExpectError(entries.status(), absl::StatusCode::kInvalidArgument,
                {"t.tar: entry ", c.shown, "at offset 512"});
  }
}

// Each key in such a value looks like another name; only the value's end is where to look on.
TEST_F(TarIndexTest, AValueFullOfKeysIsReadOnce) {
  std::string keys;
  while (keys.size() < 900 * kKiB) keys += "path=";
  TarWriter tar;
  for (int i = 0; i < 20; ++i) tar.Add({.name = "x", .pax = {{"comment", keys}}}, "data");
  const Rope bytes = tar.Finish();
  const absl::Time start = absl::Now();
  const auto entries = Index(bytes);
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->size(), 20u);

  TarWriter hiding;
  hiding.Add({.name = "x", .pax = {{"comment", keys}, {"path", std::string("evil\0.yaml", 10)}}},
             "");
  ExpectError(Index(hiding.Finish()).status(), absl::StatusCode::kInvalidArgument,
              {"\"evil\\000.yaml\""});
}

TEST_F(TarIndexTest, RefusesCompressedFilesWithTheCommand) {
  const std::string plain = TarWriter().Finish().str();
  const auto gzip = Index(support::Compress(plain, Compression::kGzip));
  ExpectError(gzip.status(), absl::StatusCode::kInvalidArgument,
              {"t.tar", "compressed with gzip", "gunzip -k " + path_});
  const auto zstd = Index(support::Compress(plain, Compression::kZstd));
  ExpectError(zstd.status(), absl::StatusCode::kInvalidArgument, {"zstd -d " + path_});
  const auto xz =
      Index(std::string("\xfd"
                        "7zXZ\0\0\0\0\0",
                        10));
  ExpectError(xz.status(), absl::StatusCode::kInvalidArgument, {"xz -dk " + path_});
  const auto bzip2 = Index("BZh91AY&SY");
  ExpectError(bzip2.status(), absl::StatusCode::kInvalidArgument, {"bunzip2 -k " + path_});
  const auto lz4 = Index("\x04\x22\x4d\x18......");
  ExpectError(lz4.status(), absl::StatusCode::kInvalidArgument, {"lz4 -d " + path_});
}

TEST_F(TarIndexTest, RefusesWhatIsNoTar) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(4096, 'x')}) {
    const auto entries = Index(bytes);
    EXPECT_FALSE(entries.ok()) << bytes.size();
  }
  ExpectError(Index(std::string(4096, 'x')).status(), absl::StatusCode::kInvalidArgument,
              {"t.tar: not a tar file"});
}

TEST_F(TarIndexTest, ASizeThatCannotBeIsRefusedWithBothSizes) {
  Rope tar;
  tar.Append(TarHeader({.name = "first"}, 0));
  tar.Append(TarHeader({.name = "huge.bin"}, 1'000'000'000'000));
  tar.AppendZeros(4096);
  const auto entries = Index(tar);
  ExpectError(entries.status(), absl::StatusCode::kDataLoss,
              {"\"huge.bin\"", "1000000000000", "only 4096"});
}

TEST_F(TarIndexTest, RefusesSparseEntries) {
  TarWriter tar;
  tar.Add({.name = "holes",
           .pax = {{"GNU.sparse.size", "1048576"},
                   {"GNU.sparse.numblocks", "1"},
                   {"GNU.sparse.map", "524288,5"}}},
          "12345");
  tar.AddFile("next", "");
  ExpectError(Index(tar.Finish()).status(), absl::StatusCode::kInvalidArgument,
              {"\"holes\"", "sparse"});
}

TEST_F(TarIndexTest, ADamagedHeaderIsNamedByItsPlace) {
  TarWriter tar;
  tar.AddFile("good", "data");
  tar.AddFile("bad", "data");
  std::string bytes = tar.Finish().str();
  bytes[1024 + 5] ^= 1;
  ExpectError(Index(bytes).status(), absl::StatusCode::kInvalidArgument,
              {"t.tar: offset 1024, after entry \"good\""});
}

// A file cut off between two entries would else look like a smaller but sound package.
TEST_F(TarIndexTest, AMissingEndMarkIsTruncation) {
  TarWriter tar;
  tar.AddFile("good", "data");
  ExpectError(Index(tar.entries()).status(), absl::StatusCode::kDataLoss,
              {"offset 1024", "\"good\"", "end-of-archive"});
}

TEST_F(TarIndexTest, ARangePastTheFileIsTruncation) {
  ASSERT_TRUE(Index(TarWriter().Finish()).ok());
  ExpectError(IndexTar(file_, {0, 4096}, "t.tar").status(), absl::StatusCode::kDataLoss, {"4096"});
  EXPECT_FALSE(IndexTar(file_, {UINT64_MAX, 1}, "t.tar").ok());
  EXPECT_FALSE(IndexTar(file_, {512, UINT64_MAX}, "t.tar").ok());
}

TarWriter SmallTar() {
  TarWriter tar;
  tar.AddFile("hints.yaml", "- \"{{ .a }}\"\n");
  tar.AddFile(std::string(120, 'n'), "pax");
  tar.Add({.name = std::string(130, 'g'), .gnu = true}, "gnu");
  tar.AddFile("images.tar", std::string(700, 'i'));
  return tar;
}

TEST_F(TarIndexTest, EveryTruncationIsAnErrorOrTheSameIndex) {
  const Rope whole = SmallTar().Finish();
  const auto expected = Index(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (uint64_t length = 0; length < whole.size(); ++length) {
    const auto entries = IndexTar(file_, {0, length}, "t.tar");
    if (!entries.ok()) continue;
    EXPECT_GE(length, whole.size() - 512) << "accepted without an end mark";
    EXPECT_EQ(Names(*entries), Names(*expected)) << length;
  }
  for (uint64_t length = 0; length < whole.size() - 1024; length += 512) {
    EXPECT_FALSE(Index(whole.str().substr(0, length)).ok()) << length;
  }
}

// Whatever a flipped bit does to headers, entries stay inside the file and names stay safe.
TEST_F(TarIndexTest, BitFlipsNeverLeadOutOfTheFile) {
  const std::string bytes = SmallTar().Finish().str();
  ASSERT_TRUE(Index(bytes).ok());
  const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 3) {
    const size_t block = bit / 8 / 512 * 512;
    std::string flipped = bytes.substr(block, 512);
    char& byte = flipped[bit / 8 - block];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    // Half of the flips with a checksum that agrees, so that they get past it.
    if (bit % 2 == 0) FixTarChecksum(flipped);
    ASSERT_EQ(::pwrite(fd.get(), flipped.data(), 512, static_cast<off_t>(block)), 512);
    const auto entries = IndexTar(file_, {0, file_.size()}, "t.tar");
    ASSERT_EQ(::pwrite(fd.get(), bytes.data() + block, 512, static_cast<off_t>(block)), 512);
    if (!entries.ok()) continue;
    for (const TarEntry& entry : *entries) {
      ASSERT_LE(entry.offset, bytes.size()) << bit;
      ASSERT_LE(entry.size, bytes.size() - entry.offset) << bit;
      ASSERT_THAT(entry.name, ::testing::Not(HasSubstr(".."))) << bit;
      ASSERT_FALSE(entry.name.empty() || entry.name.front() == '/') << bit;
    }
  }
}

TEST_F(TarIndexTest, RandomTarsRoundTrip) {
  std::mt19937 random(20240817);
  for (int round = 0; round < 40; ++round) {
    TarWriter tar;
    std::vector<std::string> names;
    std::vector<std::string> contents;
    const size_t count = random() % 20;
    for (size_t i = 0; i < count; ++i) {
      std::string name = std::to_string(i);
      for (size_t parts = random() % 6; parts > 0; --parts) {
        name +=
            (random() % 3 == 0 ? "/" : "") + std::string(random() % 60 + 1, 'a' + random() % 26);
      }
      if (random() % 5 == 0) name += "\xc3\xa9";
      names.push_back(name);
      contents.push_back(std::string(random() % 2000, static_cast<char>(random())));
      tar.Add({.name = name, .gnu = random() % 2 == 0}, contents.back());
    }
    const auto entries = Index(tar.Finish());
    ASSERT_TRUE(entries.ok()) << round << ": " << entries.status();
    ASSERT_EQ(Names(*entries), names);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(DataOf((*entries)[i]), contents[i]);
  }
}

TEST_F(TarIndexTest, TenGigabytesAreSkippedNotRead) {
  Rope big;
  big.AppendZeros(10 * kGiB);  // beyond ustar's 8 GiB: a PAX size record, or GNU's base 256
  for (const bool gnu : {false, true}) {
    TarWriter tar;
    tar.Add({.name = "images.tar", .gnu = gnu}, big);
    tar.AddFile("after", "x");
    const auto entries = Index(tar.Finish());
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_EQ((*entries)[0].size, 10 * kGiB);
    EXPECT_EQ(DataOf((*entries)[1]), "x");
  }
}

}  // namespace
}  // namespace lighter
