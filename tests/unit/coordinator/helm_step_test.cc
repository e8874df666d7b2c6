#include "coordinator/run/helm_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/file.h"
#include "common/status.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Both tools: what they are asked goes into a file, `list` and `history` are files beside them.
constexpr char kTool[] = R"sh(#!/bin/sh
folder="$(dirname "$0")"
case "$1" in
  version) echo v4.0.0 ;;
  list|history) cat "$folder/$1.json" ;;
  --request-timeout*) echo '{"items": []}' ;;  # kubectl
  *) echo "$1 $2 $3" >> "$folder/done" ;;
esac
)sh";

const Release kBefore = {
    .name = "web", .ns = "harbor", .chart = "web-1.0.0", .status = "deployed", .revision = 3};

class HelmStepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_.File("tool")) << kTool;
    std::filesystem::permissions(dir_.File("tool"), std::filesystem::perms::owner_all);
    std::ofstream(dir_.File("done")) << "";
    std::ofstream(dir_.File("history.json"))
        << R"([{"revision":2,"status":"superseded"},{"revision":3,"status":"deployed"},
               {"revision":4,"status":"failed"}])";
  }

  // What becomes of a release that is to be put back where Helm fails with `failure` and leaves
  // `status` at revision 4.
  ReleaseReport Fail(const absl::Status& failure, const std::string& status) {
    std::ofstream(dir_.File("list.json"))
        << R"([{"name":"web","namespace":"harbor","chart":"web-2.0.0","revision":"4","status":")"
        << status << "\"}]";
    const auto helm = Helm::Find({.binary = dir_.File("tool")});
    EXPECT_TRUE(helm.ok()) << helm.status();
    const Cluster cluster(Kubectl({.binary = dir_.File("tool")}));
    ReleaseReport report;
    RunHelmStep(
        {.release = kBefore,
         .helm = *helm,
         .cluster = cluster,
         .timeout = absl::Seconds(10),
         .folder = dir_.path(),
         .restore = true,
         .say = [](const std::string&) {}},
        [&] { return failure; }, report);
    return report;
  }

  std::string Done() const { return ReadFile(dir_.File("done"), 1 << 20).value(); }

  support::TempDir dir_;
};

TEST_F(HelmStepTest, WhatHelmFailedOnIsPutBackToTheLastRevisionThatRan) {
  const ReleaseReport report = Fail(absl::AbortedError("hook failed"), "failed");
  EXPECT_EQ(report.state, ReleaseState::kFailed);
  EXPECT_EQ(report.change, ReleaseChange::kPutBack);
  EXPECT_EQ(report.restored_revision, 3);
  EXPECT_EQ(Done(), "rollback web 3\n");
  EXPECT_TRUE(std::filesystem::exists(report.evidence)) << report.evidence;
}

TEST_F(HelmStepTest, TheWorkOfAnotherHelmIsLeftAlone) {
  const ReleaseReport report =
      Fail(absl::AbortedError("another operation is in progress"), "deployed");
  EXPECT_EQ(report.change, ReleaseChange::kByOthers);
  EXPECT_THAT(Message(report.status), HasSubstr("another Helm run did that; it is not put back"));
  EXPECT_THAT(Done(), IsEmpty());
  EXPECT_THAT(DescribeReleaseReport(report), Not(HasSubstr("way back")));
}

// It may be another's that is at work, or ours that lost the API server before its last word.
TEST_F(HelmStepTest, APendingReleaseIsNobodysToUndo) {
  const ReleaseReport report = Fail(absl::AbortedError("connection refused"), "pending-upgrade");
  EXPECT_EQ(report.change, ReleaseChange::kUnknown);
  EXPECT_THAT(Message(report.status),
              HasSubstr("could not write down its end; it is not put back"));
  EXPECT_THAT(Done(), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(report.evidence)) << report.evidence;
}

TEST_F(HelmStepTest, AHelmThatWasKilledLeftItsOwnWork) {
  const ReleaseReport report = Fail(absl::UnknownError("killed"), "pending-upgrade");
  EXPECT_EQ(report.change, ReleaseChange::kPutBack);
  EXPECT_EQ(Done(), "rollback web 3\n");
}

}  // namespace
}  // namespace lighter
