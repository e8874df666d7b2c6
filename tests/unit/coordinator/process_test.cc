#include "coordinator/process/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/time/clock.h"
#include "common/file.h"
#include "common/status.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;

TEST(RunProcessTest, CapturesBothStreamsAndTheExitCode) {
  const absl::StatusOr<ProcessResult> result =
      RunProcess({"sh", "-c", "echo out; echo err >&2; exit 7"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
  EXPECT_EQ(result->exit_code, 7);
}

TEST(RunProcessTest, MissingProgramIsNotFoundAndNamed) {
  const absl::Status status = RunProcess({"lighter-no-such-program"}).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("lighter-no-such-program"));
}

TEST(RunProcessTest, MoreOutputThanAPipeHoldsOnBothStreams) {
  const absl::StatusOr<ProcessResult> result =
      RunProcess({"sh", "-c", "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out.size(), 1000000u);
  EXPECT_EQ(result->err.size(), 1000000u);
}

TEST(RunProcessTest, OutputCapStopsAFlood) {
  const absl::Status status =
      RunProcess({"sh", "-c", "while :; do echo flood; done"}, {.max_output_bytes = 10000})
          .status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST(RunProcessTest, TimeoutEndsTheChild) {
  const absl::Time start = absl::Now();
  const absl::Status status =
      RunProcess({"sleep", "60"}, {.timeout = absl::Milliseconds(200)}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST(RunProcessTest, LogGetsWhatTheCallerGetsAndIsPrivate) {
  const support::TempDir dir;
  const std::string log = dir.File("helm.log");
  ASSERT_TRUE(RunProcess({"sh", "-c", "echo one; echo two >&2"}, {.log_path = log}).ok());
  const absl::StatusOr<std::string> text = ReadFile(log, 1000);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("one\n"));
  EXPECT_THAT(*text, HasSubstr("two\n"));
  struct stat st {};
  ASSERT_EQ(::stat(log.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST(ShellQuotedTest, AShellGivesBackTheVeryArguments) {
  const std::vector<std::string> hard = {"plain", "", "two words", "it's",
                                         "$HOME `x` \"q\" \\ *\n~"};
  std::vector<std::string> argv = {"printf", "%s|"};
  argv.insert(argv.end(), hard.begin(), hard.end());
  const absl::StatusOr<ProcessResult> result = RunProcess({"sh", "-c", ShellQuoted(argv)});
  ASSERT_TRUE(result.ok()) << result.status();
  std::string expected;
  for (const std::string& word : hard) expected += word + "|";
  EXPECT_EQ(result->out, expected);
}

}  // namespace
}  // namespace lighter
