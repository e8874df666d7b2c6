#include "common/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;

TEST(JsonTest, ParsesWholeDocuments) {
  const auto value = ParseJson(R"( {"a":["[[[{{{,,,\"]]", 1.5, null, true]} )", "x");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ((*value)["a"][0], "[[[{{{,,,\"]]");
}

TEST(JsonTest, ErrorsSayWhatWasParsed) {
  for (const char* text :
       {"", "{", "{} {}", "{\"a\":}", "nul", "\"\xff\"", "\"abc", "'a'", "[1,]"}) {
    const auto value = ParseJson(text, "manifest.json");
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_THAT(Message(value.status()), HasSubstr("manifest.json")) << text;
  }
}

TEST(JsonTest, DepthIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(ParseJson(nested(64), "x").ok());
  EXPECT_EQ(ParseJson(nested(65), "x").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(JsonTest, FindGivesNullForWhatIsNotThere) {
  const nlohmann::json value = {{"a", 1}};
  EXPECT_EQ(*FindJson(value, "a"), 1);
  EXPECT_EQ(FindJson(value, "b"), nullptr);
  EXPECT_EQ(FindJson(value["a"], "b"), nullptr);
  EXPECT_EQ(FindJson(nullptr, "b"), nullptr);
}

}  // namespace
}  // namespace lighter
