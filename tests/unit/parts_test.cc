#include "coordinator/package/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/package/package.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class PartsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Write(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const std::string& name : names) {
      std::ofstream(dir_.File(name)) << name;
      paths.push_back(dir_.File(name));
    }
    return paths;
  }

  std::vector<std::string> Find(const std::string& name) {
    const auto parts = FindParts(dir_.File(name));
    EXPECT_TRUE(parts.ok()) << parts.status();
    return parts.value_or(std::vector<std::string>());
  }

  std::string Error(const std::string& name) {
    const absl::Status status = FindParts(dir_.File(name)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return Message(status);
  }

  support::TempDir dir_;
};

TEST_F(PartsTest, EveryUsualWayToCut) {
  for (const std::vector<std::string>& names :
       std::vector<std::vector<std::string>>{{"a.tar.001", "a.tar.002", "a.tar.003"},
                                             {"b.tar.00", "b.tar.01"},
                                             {"c.tar.part1", "c.tar.part2"},
                                             {"d.tar.part-aa", "d.tar.part-ab"},
                                             {"e.tar.aa", "e.tar.ab"},
                                             {"f.part01", "f.part02"},
                                             {"g.tar-part-aa", "g.tar-part-ab"}}) {
    const std::vector<std::string> paths = Write(names);
    for (const std::string& name : names) EXPECT_THAT(Find(name), ElementsAreArray(paths)) << name;
    const std::string common = names[0].substr(0, names[0].starts_with("f") ? 1 : 5);
    EXPECT_THAT(Find(common), ElementsAreArray(paths)) << "by what the names have in common";
    EXPECT_EQ(NameOfWhole(paths[1]), names[0].substr(0, 1) + ".tar");
  }
}

TEST_F(PartsTest, NumbersAndLettersGoOnPastTheirWidth) {
  std::vector<std::string> numbers;
  for (int i = 1; i <= 12; ++i) numbers.push_back("n.tar." + std::to_string(i));
  EXPECT_THAT(Find("n.tar.1"), ElementsAreArray(std::vector<std::string>{dir_.File("n.tar.1")}));
  const std::vector<std::string> by_number = Write(numbers);
  EXPECT_THAT(Find("n.tar.12"), ElementsAreArray(by_number));
  std::vector<std::string> letters;
  for (char a = 'a'; a <= 'b'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) letters.push_back(std::string("l.tar.") + a + b);
  }
  const std::vector<std::string> by_letter = Write(letters);
  EXPECT_THAT(Find("l.tar.ba"), ElementsAreArray(by_letter));
}

// As GNU split does where it is not told how wide suffixes are.
TEST_F(PartsTest, SplitWidensItsSuffixes) {
  std::vector<std::string> names;
  for (char a = '0'; a <= '8'; ++a) {
    for (char b = '0'; b <= '9'; ++b) names.push_back(std::string("d.tar.") + a + b);
  }
  for (const char* wide : {"9000", "9001"}) names.push_back(std::string("d.tar.") + wide);
  const std::vector<std::string> by_number = Write(names);
  EXPECT_THAT(Find("d.tar.00"), ElementsAreArray(by_number));
  names.clear();
  for (char a = 'a'; a <= 'y'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) names.push_back(std::string("s.tar.") + a + b);
  }
  for (const char* wide : {"zaaa", "zaab"}) names.push_back(std::string("s.tar.") + wide);
  const std::vector<std::string> by_letter = Write(names);
  EXPECT_THAT(Find("s.tar"), ElementsAreArray(by_letter));
}

// "000" is no wider suffix that would follow on "3": the names would lead round in a ring.
TEST_F(PartsTest, SuffixesOfSeveralWidthsEnd) {
  const std::vector<std::string> numbers = Write({"p.part000", "p.part1", "p.part2", "p.part3"});
  EXPECT_THAT(Find("p"), ElementsAreArray(numbers));
  const std::vector<std::string> letters = Write({"q.tar.aa", "q.tar.ab", "q.tar.aaaa"});
  EXPECT_THAT(Find("q.tar"), ElementsAreArray({letters[0], letters[1]}));
}

TEST_F(PartsTest, WhatIsNoPartStaysAlone) {
  for (const char* name : {"p_v0.9.10", "p_v0.9.11", "q.tar.gz", "q.tar.xz", "r.tar", "r.tar.001",
                           "s.tar.2026", "bundle.aa", "bundle.ab"}) {
    Write({name});
  }
  for (const char* name : {"p_v0.9.10", "q.tar.gz", "r.tar", "s.tar.2026", "bundle.aa", "none"}) {
    EXPECT_THAT(Find(name), ElementsAreArray(std::vector<std::string>{dir_.File(name)}));
  }
  EXPECT_EQ(FindParts("/none/p.tar.001")->front(), "/none/p.tar.001");
}

TEST_F(PartsTest, ForeignFilesBesidePartsAreNone) {
  const std::vector<std::string> letters = Write({"a.tar.aa", "a.tar.ab"});
  const std::vector<std::string> numbers = Write({"n.tar.1", "n.tar.2"});
  Write({"a.tar.asc", "a.tar.gz", "n.tar.2026", "n.tar.sha"});
  EXPECT_THAT(Find("a.tar.aa"), ElementsAreArray(letters));
  EXPECT_THAT(Find("n.tar"), ElementsAreArray(numbers));
  EXPECT_THAT(Find("a.tar.gz"), ElementsAreArray(std::vector<std::string>{dir_.File("a.tar.gz")}));
}

TEST_F(PartsTest, ANameInCommonMeansOnePackage) {
  Write({"p_v1.2.tar.001", "p_v1.2.tar.002", "p_v1.3.tar.001", "p_v1.3.tar.002", "two.tar.001",
         "two.tar.002", "two.tar.aa", "two.tar.ab"});
  EXPECT_THAT(Find("p_v1"), ElementsAreArray(std::vector<std::string>{dir_.File("p_v1")}));
  EXPECT_EQ(Find("p_v1.3").front(), dir_.File("p_v1.3.tar.001"));
  EXPECT_THAT(Error("two.tar"), HasSubstr("parts of two packages"));
  EXPECT_EQ(Find("two.tar.aa").size(), 2u);
}

TEST_F(PartsTest, AMissingPartIsNamed) {
  Write({"a.tar.001", "a.tar.003", "b.tar.002", "b.tar.003", "c.tar.ab", "c.tar.aa", "c.tar.ad"});
  EXPECT_THAT(Error("a.tar.001"), HasSubstr("the part a.tar.2 is missing"));
  EXPECT_THAT(Error("b.tar.003"), HasSubstr("the part b.tar.1"));
  EXPECT_THAT(Error("c.tar"), HasSubstr("the part c.tar.ac is missing"));
}

TEST_F(PartsTest, APackageInPartsIsThePackage) {
  const std::string whole = dir_.File("whole");
  ASSERT_TRUE(support::PackageTar(
                  {{"a.bundle.tar",
                    support::BundleTar({.hints = "",
                                        .chart = {{"Chart.yaml", "name: a\nversion: 1.0.0\n"}},
                                        .images_tar = {},
                                        .folder = {}})}})
                  .WriteTo(whole)
                  .ok());
  const std::string bytes = ReadFile(whole, 1 << 20).value();
  for (size_t i = 0; i * 700 < bytes.size(); ++i) {
    const std::string name = absl::StrFormat("p.tar.%03d", i + 1);
    std::ofstream(dir_.File(name)) << bytes.substr(i * 700, 700);
  }
  std::filesystem::remove(whole);
  for (const std::string& path : {dir_.File("p.tar.001"), dir_.File("p.tar"), dir_.path()}) {
    const auto package = OpenPackage(path);
    ASSERT_TRUE(package.ok()) << package.status();
    ASSERT_EQ(package->bundles.size(), 1u) << path;
    EXPECT_EQ(package->bundles[0].chart_name, "a");
    EXPECT_EQ(package->size, bytes.size());
  }
  std::filesystem::remove(dir_.File("p.tar.002"));
  EXPECT_THAT(Message(OpenPackage(dir_.path()).status()), HasSubstr("p.tar.2 is missing"));
}

// As wget names what it fetches once more.
TEST_F(PartsTest, CopiesWithNumbersAreRefused) {
  const support::Rope bundle =
      support::BundleTar({.hints = "",
                          .chart = {{"Chart.yaml", "name: a\nversion: 1.0.0\n"}},
                          .images_tar = {},
                          .folder = {}});
  for (const char* name : {"p.tar.1", "p.tar.2"}) {
    ASSERT_TRUE(bundle.WriteTo(dir_.File(name)).ok());
  }
  EXPECT_THAT(Message(OpenPackage(dir_.File("p.tar.2")).status()),
              HasSubstr("p.tar.2: a tar of its own"));
}

}  // namespace
}  // namespace lighter
