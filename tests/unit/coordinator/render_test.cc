#include "coordinator/progress/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/limits.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

NodeProgress Row(const std::string& name, NodePhase phase, uint64_t done, uint64_t total) {
  NodeProgress row;
  row.name = name;
  row.phase = phase;
  row.done_bytes = done;
  row.total_bytes = total;
  return row;
}

TEST(FormatBytesTest, PicksTheUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(kKiB), "1 KiB");
  EXPECT_EQ(FormatBytes(kMiB + kMiB / 2), "1.5 MiB");
  EXPECT_EQ(FormatBytes(10 * kGiB), "10.0 GiB");
}

TEST(RateMeterTest, SettlesOnASteadyRateAndForgetsARestart) {
  RateMeter meter;
  absl::Time now = absl::UnixEpoch();
  for (uint64_t i = 0; i <= 100; ++i) meter.Sample(i * kMiB, now + absl::Milliseconds(100) * i);
  EXPECT_NEAR(meter.bytes_per_second(), 10 * kMiB, kMiB / 10.0);
  meter.Sample(0, now + absl::Seconds(20));  // a stream that starts anew counts from zero
  EXPECT_EQ(meter.bytes_per_second(), 0);
}

TEST(RenderFrameTest, ASendingNodeShowsShareRateAndEta) {
  const auto lines = RenderFrame({Row("node1", NodePhase::kSending, 25 * kMiB, 100 * kMiB)},
                                 {25.0 * kMiB}, {.width = 200, .utf8 = false});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("node1"));
  EXPECT_THAT(lines[0], HasSubstr("sending"));
  EXPECT_THAT(lines[0], HasSubstr("#####..............."));
  EXPECT_THAT(lines[0], HasSubstr("25%"));
  EXPECT_THAT(lines[0], HasSubstr("25.0 MiB/s"));
  EXPECT_THAT(lines[0], HasSubstr("ETA 3s"));
  EXPECT_THAT(lines[1], HasSubstr("0 of 1 nodes proven"));
}

TEST(RenderFrameTest, AFailedNodeSaysWhyAndStaysWhenNodesDoNotFit) {
  std::vector<NodeProgress> nodes;
  for (int i = 0; i < 50; ++i) nodes.push_back(Row(absl::StrCat("n", i), NodePhase::kProven, 1, 1));
  nodes[49] = Row("n49", NodePhase::kFailed, 0, 1);
  nodes[49].step = "disk full";
  const auto lines =
      RenderFrame(nodes, std::vector<double>(50, 0), {.width = 120, .rows = 10, .utf8 = true});
  EXPECT_LE(lines.size(), 10u);
  EXPECT_THAT(lines, testing::Contains(HasSubstr("disk full")));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("49 more nodes")));
  EXPECT_THAT(lines.back(), HasSubstr("49 of 50 nodes proven, 1 failed"));
}

TEST(RenderFrameTest, NeverWiderThanTheTerminalAndNeverHalfACharacter) {
  NodeProgress row = Row("node1", NodePhase::kSending, 1, 2);
  for (size_t width = 1; width < 100; ++width) {
    for (const std::string& line : RenderFrame({row}, {1.0}, {.width = width})) {
      size_t columns = 0;
      for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
      EXPECT_LE(columns, width);
      // json refuses broken UTF-8: a cut character would throw here.
      EXPECT_NO_THROW(nlohmann::json(line).dump());
    }
  }
}

TEST(PlainLineTest, HasNoControlCharacters) {
  NodeProgress row = Row("node1", NodePhase::kFailed, 0, 10);
  row.step = "no space left";
  EXPECT_EQ(PlainLine(row), "node1: failed: no space left");
  row.step = "no\nspace\x1b[2Jleft\xc2\x9b";
  EXPECT_EQ(PlainLine(row), "node1: failed: no\\x0aspace\\x1b[2Jleft\\xc2\\x9b");
  EXPECT_THAT(RenderFrame({row}, {0}, {.width = 200})[0], Not(HasSubstr("\x1b")));
}

TEST(JsonLineTest, IsOneObjectWithNumbersAsIntegers) {
  const nlohmann::json event =
      nlohmann::json::parse(JsonLine(Row("n", NodePhase::kSending, 3, uint64_t{1} << 53)));
  EXPECT_EQ(event["doneBytes"], 3);
  EXPECT_EQ(event["totalBytes"], uint64_t{1} << 53);
  EXPECT_EQ(event["phase"], "sending");

  NodeProgress hostile = Row("n", NodePhase::kFailed, 0, 1);
  hostile.step = "a\x1b\xc2\x9b\x7f\xff";
  const std::string line = JsonLine(hostile);
  EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7f; }));
}

}  // namespace
}  // namespace lighter
