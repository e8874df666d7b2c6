#include "coordinator/naming/relocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "tests/unit/hint_lines.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kLocal[] = "127.0.0.1:7444";

// The name that a hint gives once its values are relocated.
std::string Relocated(const std::string& line, const json& values, const Relocation& relocation) {
  const std::vector<Hint> hints = Hints({line});
  const RelocatedValues relocated = RelocateValues(hints, values, values, relocation);
  json merged = values;
  merged.merge_patch(relocated.values);
  return hints[0].Evaluate(merged).value();
}

struct Case {
  std::string hint;
  json values;
  std::string by_registry;    // --registry 10.0.0.5:5000/mirror
  std::string by_repository;  // with --repository proj/containers
};

// The first three are the table of charts-syncer's README.
TEST(RelocationTest, RegistryAndRepositoryAreReplacedByTheRuleOfChartsSyncer) {
  const std::string r = "{{ .r }}/{{ .p }}:{{ .t }}";
  for (const Case& c : std::vector<Case>{
           {r,
            {{"r", "docker.io"}, {"p", "bitnami/redis"}, {"t", "7.0"}},
            "bitnami/redis:7.0",
            "redis:7.0"},
           {"{{ .p }}:{{ .t }}",
            {{"p", "nginx"}, {"t", "1.25"}},
            "library/nginx:1.25",
            "nginx:1.25"},
           {r, {{"r", "ghcr.io"}, {"p", "a/b/c"}, {"t", "v1"}}, "a/b/c:v1", "c:v1"},
           {r, {{"r", ""}, {"p", "nginx"}, {"t", "1"}}, "library/nginx:1", "nginx:1"},
           {r,
            {{"r", "index.docker.io"}, {"p", "nginx"}, {"t", "1"}},
            "library/nginx:1",
            "nginx:1"},
           {r, {{"r", "quay.io/team"}, {"p", "web"}, {"t", "1"}}, "team/web:1", "web:1"},
           {"{{ .image }}", {{"image", "quay.io:443/x/y:1"}}, "x/y:1", "y:1"},
           {"{{.r}}/{{.p}}", {{"r", "quay.io"}, {"p", "x/y:1-a"}}, "x/y:1-a", "y:1-a"},
           {"{{ .p }}/web:{{ .t }}-ubuntu",
            {{"p", "quay.io/x"}, {"t", "1"}},
            "x/web:1-ubuntu",
            "web:1-ubuntu"},
           {"{{ .r }}/team/{{ .p }}:{{ .t }}",
            {{"r", "quay.io"}, {"p", "web"}, {"t", "1"}},
            "team/web:1",
            ""}}) {
    EXPECT_EQ(Relocated(c.hint, c.values, {"10.0.0.5:5000/mirror", ""}),
              "10.0.0.5:5000/mirror/" + c.by_registry);
    if (c.by_repository.empty()) continue;
    EXPECT_EQ(Relocated(c.hint, c.values, {"10.0.0.5:5000", "proj/containers"}),
              "10.0.0.5:5000/proj/containers/" + c.by_repository);
  }
}

TEST(RelocationTest, TheTagIsNeverAValueThatIsSet) {
  const json values = {{"r", "docker.io"}, {"p", "bitnami/redis"}, {"t", "7.0"}};
  const auto relocated =
      RelocateValues(Hints({"{{ .r }}/{{ .p }}:{{ .t }}"}), values, values, {kLocal, ""});
  EXPECT_EQ(relocated.values, json({{"r", kLocal}}));
}

TEST(RelocationTest, OneRegistryValueServesImagesOfSeveralPaths) {
  const json values = {{"global", {{"imageRegistry", "docker.io"}}},
                       {"a", {{"repository", "nginx"}}},
                       {"b", {{"repository", "bitnami/redis"}}}};
  const auto relocated =
      RelocateValues(Hints({"{{ .global.imageRegistry }}/{{ .a.repository }}:v1",
                            "{{ .global.imageRegistry }}/{{ .b.repository }}:v1"}),
                     values, values, {kLocal, ""});
  EXPECT_THAT(relocated.notes, IsEmpty());
  EXPECT_EQ(relocated.values, json({{"global", {{"imageRegistry", kLocal}}},
                                    {"a", {{"repository", "library/nginx"}}}}));
}

TEST(RelocationTest, ValuesThatAreSoAlreadyAreNotSetAgain) {
  const json defaults = {{"image", "quay.io/x/y"}};
  const json merged = {{"image", "127.0.0.1:7444/x/y"}};
  const auto relocated = RelocateValues(Hints({"{{ .image }}:v1"}), defaults, merged, {kLocal, ""});
  EXPECT_TRUE(relocated.values.is_null());
}

TEST(RelocationTest, AHintThatNoValueCanMoveIsTold) {
  const json values = {{"p", "web"}, {"t", "v1"}};
  const auto relocated =
      RelocateValues(Hints({"quay.io/{{ .p }}:{{ .t }}"}), values, values, {kLocal, ""});
  EXPECT_THAT(relocated.notes, ElementsAre(HasSubstr("\"quay.io/{{ .p }}:{{ .t }}\"")));
  EXPECT_TRUE(relocated.values.is_null());
}

TEST(RelocationTest, OneValueThatTwoHintsNeedDifferentlyIsTold) {
  const json values = {{"image", "quay.io/x"}, {"one", "a"}};
  const auto relocated = RelocateValues(Hints({"{{ .image }}/{{ .one }}:v1", "{{ .image }}:v1"}),
                                        values, values, {kLocal, "proj"});
  EXPECT_THAT(relocated.notes, ElementsAre(HasSubstr("hint \"{{ .image }}:v1\": no value")));
  EXPECT_EQ(relocated.values, json({{"image", "127.0.0.1:7444/proj"}}));
}

// What one hint decides, the others reckon with.
TEST(RelocationTest, AValueThatIsSharedLeavesTheRestToTheOthers) {
  const json values = {{"g", "quay.io/org"}, {"a", "web"}, {"b", "team/db"}};
  const auto relocated = RelocateValues(Hints({"{{ .g }}/{{ .a }}:v1", "{{ .g }}/{{ .b }}:v1"}),
                                        values, values, {kLocal, "proj"});
  EXPECT_THAT(relocated.notes, IsEmpty());
  EXPECT_EQ(relocated.values, json({{"g", "127.0.0.1:7444/proj"}, {"b", "db"}}));
}

TEST(RelocationTest, AValueThatHoldsTheVersionIsTold) {
  const json values = {{"image", "quay.io/x/y:v1"}};
  const auto relocated = RelocateValues(Hints({"{{ .image }}"}), values, values, {kLocal, ""});
  EXPECT_THAT(relocated.notes,
              ElementsAre(HasSubstr("give the same --registry or --config to the upgrade")));
}

TEST(RelocationTest, AVersionInTheLastOfTwoValuesIsToldToo) {
  const json values = {{"g", "quay.io/org"}, {"a", "web"}, {"b", "team/db:v1"}};
  const auto relocated = RelocateValues(Hints({"{{ .g }}/{{ .a }}:v1", "{{ .g }}/{{ .b }}"}),
                                        values, values, {kLocal, "proj"});
  EXPECT_EQ(relocated.values, json({{"g", "127.0.0.1:7444/proj"}, {"b", "db:v1"}}));
  EXPECT_THAT(relocated.notes,
              ElementsAre(HasSubstr("value .b is \"db:v1\" now, version included")));
}

TEST(RelocationTest, AHintWithoutValuesIsLeftToTheDecisionOfNames) {
  const auto relocated =
      RelocateValues(Hints({"{{ .gone }}:v1"}), json::object(), json::object(), {kLocal, ""});
  EXPECT_THAT(relocated.notes, IsEmpty());
  EXPECT_TRUE(relocated.values.is_null());
}

TEST(RelocationTest, NamesElsewhereAreTold) {
  NamingResult names;
  names.targets = {{0, "a", "127.0.0.1:7444/x/a:v1", NameWitness::kHint},
                   {1, "b", "10.0.0.5/x/b:v1", NameWitness::kRendered},
                   {2, "c", "quay.io/x/c:v1", NameWitness::kSource}};
  EXPECT_THAT(
      NotRelocated(names, {kLocal, ""}),
      ElementsAre("10.0.0.5/x/b:v1 is not under 127.0.0.1:7444: the chart or values of "
                  "yours decide otherwise",
                  "quay.io/x/c:v1 is not under 127.0.0.1:7444: no hint speaks of the image"));
}

TEST(RelocationTest, OnlyWhatImageNamesCanBeginWithIsTaken) {
  for (const Relocation& good : std::vector<Relocation>{
           {kLocal, ""}, {"harbor.example.com/mirror", ""}, {"10.16.10.111", "proj/containers"}}) {
    EXPECT_TRUE(CheckRelocation(good).ok()) << good.registry;
  }
  for (const Relocation& bad : std::vector<Relocation>{{"harbor", ""},
                                                       {"index.docker.io", ""},
                                                       {"https://harbor.example.com", ""},
                                                       {"harbor.example.com/", ""},
                                                       {"harbor.example.com/Mirror", ""},
                                                       {"10.16.10.111", "/proj"},
                                                       {"10.16.10.111", "proj:v1"},
                                                       {"", "proj"}}) {
    EXPECT_THAT(Message(CheckRelocation(bad)), HasSubstr("image names cannot begin with"))
        << bad.registry << " " << bad.repository;
  }
}

}  // namespace
}  // namespace lighter
