#include "coordinator/plan/run_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("TMPDIR", dir_.path().c_str(), 1); }
  void TearDown() override { ::unsetenv("TMPDIR"); }

  size_t Folders() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir_.path()), {}));
  }

  support::TempDir dir_;
};

TEST_F(RunFolderTest, ATemporaryOneGoesWithItsOwner) {
  {
    absl::StatusOr<RunFolder> folder = RunFolder::Temporary();
    ASSERT_TRUE(folder.ok()) << folder.status();
    const RunFolder moved = *std::move(folder);
    std::ofstream(moved.path() + "/values.yaml") << "password: x";
    EXPECT_EQ(fs::status(moved.path()).permissions(), fs::perms::owner_all);
    EXPECT_EQ(Folders(), 1u);
  }
  EXPECT_EQ(Folders(), 0u);
}

TEST_F(RunFolderTest, AKeptOneStaysUnlessNothingIsInIt) {
  ::setenv("XDG_STATE_HOME", dir_.path().c_str(), 1);
  std::string path;
  {
    absl::StatusOr<RunFolder> folder = RunFolder::Keep("upgrade");
    ASSERT_TRUE(folder.ok()) << folder.status();
    const RunFolder moved = *std::move(folder);
    path = moved.path();
    EXPECT_TRUE(fs::is_directory(path));
  }
  EXPECT_FALSE(fs::exists(path));
  {
    const absl::StatusOr<RunFolder> folder = RunFolder::Keep("upgrade");
    ASSERT_TRUE(folder.ok()) << folder.status();
    path = folder->path();
    std::ofstream(path + "/plan.json") << "{}";
  }
  EXPECT_TRUE(fs::exists(path + "/plan.json"));
  ::unsetenv("XDG_STATE_HOME");
}

TEST_F(RunFolderTest, WhatAKilledRunLeftIsRemovedByTheNext) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    absl::StatusOr<RunFolder> folder = RunFolder::Temporary();
    std::ofstream(folder->path() + "/values.yaml") << "password: x";
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(Folders(), 1u);
  const absl::StatusOr<RunFolder> folder = RunFolder::Temporary();
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(Folders(), 1u);  // this one
}

// A folder is there before it is locked: another start must not take it for a left-over.
TEST_F(RunFolderTest, StartsAtTheSameTimeLeaveEachOtherTheirFolders) {
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool sound = true;
      for (int round = 0; round < 300; ++round) {
        const absl::StatusOr<RunFolder> folder = RunFolder::Temporary();
        sound = sound && folder.ok() && std::ofstream(folder->path() + "/values.yaml").good();
      }
      ::_exit(sound ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Folders(), 0u);
}

TEST_F(RunFolderTest, OneInUseAndFoldersOfOthersStay) {
  const absl::StatusOr<RunFolder> first = RunFolder::Temporary();
  ASSERT_TRUE(first.ok()) << first.status();
  fs::create_directory(dir_.path() + "/lighter-run-abcdef");  // no lock file: not ours
  const absl::StatusOr<RunFolder> second = RunFolder::Temporary();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(fs::exists(first->path()));
  EXPECT_EQ(Folders(), 3u);
}

}  // namespace
}  // namespace lighter
