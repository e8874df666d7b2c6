#include "coordinator/plan/set_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/status.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::SizeIs;

class SetValuesTest : public ::testing::Test {
 protected:
  ValueArgs Keep(const ValueArgs& args) { return KeepSetTexts(args, folder_).value(); }
  std::string File(int number) const { return folder_ + "/set-" + std::to_string(number) + ".txt"; }
  std::string TextOf(int number) const { return ReadFile(File(number), 1000).value(); }

  support::TempDir dir_;
  const std::string folder_ = dir_.File("values");
};

TEST_F(SetValuesTest, TextsLieInFilesOfTheirOwn) {
  EXPECT_THAT(Keep({"-f", "a.yaml", "--set", "db.password=S3cret", "--set-string", "pin=0123"}),
              ElementsAre("-f", "a.yaml", "--set-file", "db.password=" + File(1), "--set-file",
                          "pin=" + File(2)));
  EXPECT_EQ(TextOf(1), "S3cret");
  EXPECT_EQ(TextOf(2), "0123");
  struct stat info {};
  ASSERT_EQ(::stat(File(1).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SetValuesTest, HelmsGrammar) {
  EXPECT_THAT(Keep({"--set", R"(a=x\,y,list[0].b=p=q,c\.d\=e=\{z,l={1\,2,3})"}),
              ElementsAre("--set-file", "a=" + File(1), "--set-file", "list[0].b=" + File(2),
                          "--set-file", R"(c\.d\=e=)" + File(3), "--set", R"(l={1\,2,3})"));
  EXPECT_EQ(TextOf(1), "x,y");
  EXPECT_EQ(TextOf(2), "p=q");
  EXPECT_EQ(TextOf(3), "{z");
}

TEST_F(SetValuesTest, WhatIsNoTextStays) {
  for (const char* value : {"1", "0", "-7", "true", "FALSE", "null", "", "{a,b}"}) {
    const ValueArgs args = {"--set", std::string("a=") + value};
    EXPECT_THAT(Keep(args), ElementsAreArray(args));
  }
  const ValueArgs json = {"--set-json", R"(a={"b":"c"})"};
  EXPECT_THAT(Keep(json), ElementsAreArray(json));
  EXPECT_THAT(Keep({"--set", "a=1.5"}), ElementsAre("--set-file", "a=" + File(1)))
      << "a text to helm";
}

TEST_F(SetValuesTest, EverythingStaysWhereTheOrderOfFlagsCounts) {
  for (const ValueArgs& args : std::vector<ValueArgs>{
           {"--set", "a=x", "--set", "a=y"},
           {"--set", "a.b=x", "--set-string", "a=y"},
           {"--set", "a[0]=x,a[0].b=y"},
           {"--set-file", "a=file", "--set", "a=y"},
       }) {
    EXPECT_THAT(Keep(args), ElementsAreArray(args)) << absl::StrJoin(args, " ");
  }
  EXPECT_THAT(Keep({"--set", "a=x,ab=y"}), SizeIs(4)) << "two keys";
}

TEST_F(SetValuesTest, WhatHelmCannotReadIsLeftForItToTell) {
  for (const char* text : {"a", "=b", "a=b,c", "a[=b,,"}) {
    const ValueArgs args = {"--set", text};
    EXPECT_THAT(Keep(args), ElementsAreArray(args)) << text;
  }
}

}  // namespace
}  // namespace lighter
