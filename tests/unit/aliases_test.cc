#include "coordinator/naming/aliases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/hint_lines.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

constexpr char kChart[] = R"(
dependencies:
- {name: mysql, alias: db}
- {name: redis, alias: cache}
- {name: redis, alias: queue}
- {name: nginx, alias: front}
- {name: nginx}
)";

// The names that these hints give.
std::vector<std::string> Names(const std::vector<std::string>& lines, const char* chart_yaml) {
  const json image = {{"name", "x"}, {"tag", 1}};
  json values;
  for (const char* key : {"mysql", "db", "cache", "queue", "redis", "nginx", "front", "own"}) {
    values[key] = {{"image", image}};
    values[key]["image"]["name"] = key;
  }
  std::vector<std::string> names;
  for (const Hint& hint : ExpandAliases(Hints(lines), chart_yaml)) {
    names.push_back(hint.Evaluate(values).value());
  }
  return names;
}

TEST(AliasesTest, AHintOfADependencyIsOneOfEachOfItsAliases) {
  EXPECT_THAT(
      Names({"{{ .mysql.image.name }}:{{ .mysql.image.tag }}", "r.io/{{ .redis.image.name }}"},
            kChart),
      ElementsAre("db:1", "r.io/cache", "r.io/queue"));
}

TEST(AliasesTest, WhatHasItsOwnNameOrIsNoDependencyStays) {
  EXPECT_THAT(
      Names({"{{ .nginx.image.name }}", "{{ .own.image.name }}", "{{ .db.image.name }}"}, kChart),
      ElementsAre("nginx", "own", "db"));
  for (const char* chart : {"", "dependencies: x", "dependencies: [a, {name: [b]}]", "a: ["}) {
    EXPECT_THAT(Names({"{{ .mysql.image.name }}"}, chart), ElementsAre("mysql")) << chart;
  }
}

TEST(AliasesTest, ItsTextStaysForMessages) {
  const std::vector<Hint> hints = ExpandAliases(Hints({"{{ .mysql.gone }}"}), kChart);
  EXPECT_EQ(hints.at(0).text(), "{{ .mysql.gone }}");
}

}  // namespace
}  // namespace lighter
