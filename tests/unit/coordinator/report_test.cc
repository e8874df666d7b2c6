#include "coordinator/run/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportTest, ABadPackageIsToldNodeByNode) {
  LoadReport report;
  report.package = absl::DataLossError("p.tar is damaged");
  const absl::Status aborted = absl::AbortedError("put back");
  report.nodes = {{"node1", absl::OkStatus(), 0, {}},
                  {"node2", aborted, 5, {}},
                  {"node3", aborted, 5, absl::UnavailableError("the agent is gone")}};
  const std::string text = DescribeLoad(Plan(), report);
  EXPECT_THAT(text, HasSubstr("The package cannot be used: p.tar is damaged\n"));
  EXPECT_THAT(text, HasSubstr("Nothing of it is left on node2.\n"));
  EXPECT_THAT(text, HasSubstr("Proven before this came out, and so it stays: node1.\n"));
  EXPECT_THAT(text, HasSubstr("drops it:\n  node3: the agent is gone\n"));
}

TEST(ReportTest, WhatDoesNotApplyIsNotSaid) {
  LoadReport report;
  report.package = absl::DataLossError("p.tar is damaged");
  report.nodes = {{"node1", absl::AbortedError("put back"), 5, {}}};
  const std::string text = DescribeLoad(Plan(), report);
  EXPECT_THAT(text, HasSubstr("Nothing of it is left on node1.\n"));
  EXPECT_THAT(text, Not(HasSubstr("Proven")));
  EXPECT_THAT(text, Not(HasSubstr("could not")));
}

TEST(ReportTest, ALaterLoadsPutBackIsKept) {
  LoadReport report;
  report.nodes = {{"node1", absl::UnavailableError("away"), 3, {}}};
  LoadReport later;
  later.package = absl::DataLossError("p.tar is damaged");
  later.nodes = {{"node1", absl::AbortedError("put back"), 4, absl::UnavailableError("gone")}};
  MergeLoadReport(report, later);
  EXPECT_EQ(report.package, later.package);
  EXPECT_EQ(report.nodes[0].moved_bytes, 7u);
  EXPECT_EQ(report.nodes[0].put_back, later.nodes[0].put_back);
}

}  // namespace
}  // namespace lighter
