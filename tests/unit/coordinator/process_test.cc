#include "coordinator/process/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/time/clock.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/process/parallel.h"
#include "coordinator/process/stop_signal.h"
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

TEST(RunProcessTest, TimeOfChildrenThatRunTogetherCountsOnce) {
  const absl::Time start = absl::Now();
  const absl::Duration before = ChildTime();
  InParallel(4, [](size_t) { EXPECT_TRUE(RunProcess({"sleep", "0.2"}).ok()); });
  const absl::Duration spent = ChildTime() - before;
  EXPECT_GE(spent, absl::Milliseconds(200));
  EXPECT_LE(spent, absl::Now() - start);
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

// The tests of signals run in children, which are ended where they would wait for ever.
void ExitWith(bool good) { std::_Exit(good ? 0 : 1); }
constexpr unsigned kPatienceSeconds = 30;

TEST(StopSignalTest, WhatTheParentIgnoresStaysIgnored) {
  const auto run = [] {
    ::alarm(kPatienceSeconds);
    ::signal(SIGHUP, SIG_IGN);  // nohup
    ::signal(SIGINT, SIG_IGN);  // a shell's background job
    InstallStopSignals();
    ::raise(SIGHUP);
    ::raise(SIGINT);
    const auto child = RunProcess({"sh", "-c", "kill -HUP $$; kill -INT $$; echo alive"});
    ExitWith(!StopRequested() && child.ok() && child->out == "alive\n");
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

TEST(StopSignalTest, AChildGetsTheDefaultsOfWhatLighterHandles) {
  const auto run = [](const std::string& name, int number) {
    ::alarm(kPatienceSeconds);
    InstallStopSignals();
    const auto child = RunProcess({"sh", "-c", "kill -" + name + " $$; echo alive"});
    ExitWith(child.ok() && child->exit_code == 128 + number);
  };
  EXPECT_EXIT(run("HUP", SIGHUP), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run("INT", SIGINT), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run("TERM", SIGTERM), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run("PIPE", SIGPIPE), testing::ExitedWithCode(0), "");
}

TEST(StopSignalTest, AnInheritedIgnoredSigchldLosesNoExitCode) {
  const auto run = [] {
    ::alarm(kPatienceSeconds);
    ::signal(SIGCHLD, SIG_IGN);
    InstallStopSignals();
    const auto child = RunProcess({"sh", "-c", "exit 7"});
    ExitWith(child.ok() && child->exit_code == 7);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

TEST(RunProcessTest, AChildThatSomebodyElseReapsIsAnErrorNotAHang) {
  const auto run = [] {
    ::alarm(kPatienceSeconds);
    ::signal(SIGCHLD, SIG_IGN);  // the kernel reaps
    const absl::Status status = RunProcess({"true"}).status();
    ExitWith(status.code() == absl::StatusCode::kUnknown &&
             Message(status).find("true: it has ended") == 0);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

TEST(StopSignalTest, AChildThatIsDoneAllTheSameIsDone) {
  const auto run = [] {
    InstallStopSignals();
    const auto done =
        RunProcess({"sh", "-c", "trap '' TERM; kill -INT $PPID $PPID; sleep 1; exit 0"},
                   {.own_session = true});
    ExitWith(done.ok() && done->exit_code == 0 && StopRequested());
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
}

TEST(StopSignalTest, NothingNewIsStartedAfterAStop) {
  const auto run = [] {
    ::alarm(kPatienceSeconds);
    InstallStopSignals();
    ::raise(SIGINT);
    const bool refused = absl::IsCancelled(RunProcess({"true"}).status());
    // A stop between the last look and Helm's start is Helm's first, which it outlives.
    const bool helm_runs = RunProcess({"true"}, {.own_session = true}).ok();
    AcknowledgeStops();
    const bool evidence_runs = RunProcess({"true"}).ok();
    ::raise(SIGINT);
    const bool refused_again = absl::IsCancelled(RunProcess({"true"}).status());
    ExitWith(refused && helm_runs && evidence_runs && refused_again && StopRequested());
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
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
