#include "common/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/status.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name)) << text;
    return dir_.File(name);
  }

  support::TempDir dir_;
};

bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_F(FileTest, UniqueFdClosesOnceAndMoves) {
  const std::string path = Write("x", "");
  UniqueFd a(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int raw = a.get();
  ASSERT_TRUE(a.ok());
  UniqueFd b = std::move(a);
  EXPECT_FALSE(a.ok());  // NOLINT: the moved-from state is what is tested
  EXPECT_EQ(b.get(), raw);
  EXPECT_TRUE(IsOpen(raw));
  b = UniqueFd();
  EXPECT_FALSE(IsOpen(raw));
}

TEST_F(FileTest, ReadsAtAnyOffset) {
  const auto file = ReadableFile::Open(Write("x", "0123456789"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->size(), 10u);
  EXPECT_EQ(file->ReadAt(3, 4).value(), "3456");
  EXPECT_EQ(file->ReadAt(10, 0).value(), "");
  const absl::Status past = file->ReadAt(8, 4).status();
  EXPECT_EQ(past.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(past), HasSubstr("ends at byte 10"));
}

TEST_F(FileTest, PartsAreReadAsOne) {
  const std::string whole = "0123456789";
  const auto file = ReadableFile::OpenParts(
      {Write("a", "012"), Write("b", ""), Write("c", "3"), Write("d", "456789")});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->size(), whole.size());
  EXPECT_EQ(file->path(), dir_.File("a") + " and 3 more parts");
  for (size_t offset = 0; offset <= whole.size(); ++offset) {
    for (size_t size = 0; offset + size <= whole.size(); ++size) {
      EXPECT_EQ(file->ReadAt(offset, size).value(), whole.substr(offset, size)) << offset;
    }
  }
  const absl::Status past = file->ReadAt(8, 4).status();
  EXPECT_EQ(past.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(past), HasSubstr(dir_.File("d")));
  std::ofstream(dir_.File("c"), std::ios::app) << "more";
  EXPECT_THAT(Message(file->CheckUnchanged()), HasSubstr(dir_.File("c")));
  EXPECT_EQ(ReadableFile::OpenParts({dir_.File("a"), dir_.File("none")}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(FileTest, OpenRefusesWhatIsNoFile) {
  EXPECT_EQ(ReadableFile::Open(dir_.File("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadableFile::Open(dir_.path()).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(::mkfifo(dir_.File("fifo").c_str(), 0600), 0);
  EXPECT_EQ(ReadableFile::Open(dir_.File("fifo")).status().code(),
            absl::StatusCode::kInvalidArgument)
      << "and it does not wait for a writer";
}

TEST_F(FileTest, NoticesThatAFileWasChanged) {
  const std::string path = Write("x", "0123456789");
  const auto file = ReadableFile::Open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->CheckUnchanged().ok());
  std::ofstream(path, std::ios::app) << "more";
  EXPECT_EQ(file->CheckUnchanged().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileTest, ReadFileHasACap) {
  const std::string path = Write("x", "0123456789");
  EXPECT_EQ(ReadFile(path, 10).value(), "0123456789");
  const absl::Status status = ReadFile(path, 9).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Message(status), HasSubstr("10 bytes, at most 9"));
}

TEST_F(FileTest, AtomicWriteReplacesWithModeAndLeavesNothingBehind) {
  const std::string path = Write("x", "old");
  ASSERT_TRUE(WriteFileAtomic(path, "new", 0600).ok());
  EXPECT_EQ(ReadFile(path, 100).value(), "new");
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  // A folder cannot be replaced by a file: the error leaves no temporary file.
  std::filesystem::create_directory(dir_.File("folder"));
  EXPECT_FALSE(WriteFileAtomic(dir_.File("folder"), "x", 0600).ok());
  EXPECT_FALSE(WriteFileAtomic(dir_.File("none/x"), "x", 0600).ok());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    files += entry.exists();
  }
  EXPECT_EQ(files, 2u);
}

}  // namespace
}  // namespace lighter
