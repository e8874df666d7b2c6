#include "coordinator/naming/hints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Values in the shapes that real charts have (notes of 74 charts): a shared parent registry, keys
// with hyphens, a child of the same name, numbers for tags.
json Values() {
  return json::parse(R"({
    "global": {"imageRegistry": "release.example.io", "empty": ""},
    "image": {"registry": "docker.io", "repository": "bitnami/redis", "tag": "7.0",
              "digest": "sha256:abc"},
    "argo-cd": {"redis-ha": {"image": {"repository": "redis", "tag": "7.2-alpine"}}},
    "scheduler": {"imageRepository": "hwameistor/scheduler", "tag": "v0.1"},
    "singleImageReference": {"image": "quay.io/x/y:1"},
    "number": {"int": 7, "float": 1.5, "text": "1.10", "big": 20240101, "bool": true},
    "null": {"tag": null},
    "wrong": {"list": ["a"], "map": {"a": "b"}}
  })");
}

TEST(HintTest, EvaluatesPathsOfValues) {
  struct Case {
    std::string hint;
    std::string expected;
  };
  for (const Case& c : std::vector<Case>{
           {"{{ .image.registry }}/{{ .image.repository }}:{{ .image.tag }}",
            "docker.io/bitnami/redis:7.0"},
           {"{{ .image.repository }}:{{ .image.tag }}", "bitnami/redis:7.0"},
           {"{{ .image.repository }}@{{ .image.digest }}", "bitnami/redis@sha256:abc"},
           {"{{ .singleImageReference.image }}", "quay.io/x/y:1"},
           // keys with hyphens, which Go templates cannot say
           {"{{ .argo-cd.redis-ha.image.repository }}:{{ .argo-cd.redis-ha.image.tag }}",
            "redis:7.2-alpine"},
           // spaces vary, a leading dot can be missing
           {"{{.global.imageRegistry}}/{{ .scheduler.imageRepository}}:{{scheduler.tag }}",
            "release.example.io/hwameistor/scheduler:v0.1"},
           {"  {{   .image.tag   }}  ", "7.0"},
           // literal parts: of the path, after the tag, or all of it
           {"{{ .global.imageRegistry }}/kpanda/ui:{{ .image.tag }}",
            "release.example.io/kpanda/ui:7.0"},
           {"{{ .image.repository }}:{{ .image.tag }}-ubuntu22.04",
            "bitnami/redis:7.0-ubuntu22.04"},
           {"docker.io/library/nginx:1.25", "docker.io/library/nginx:1.25"},
           // an empty registry leaves no slash in front
           {"{{ .global.empty }}/{{ .image.repository }}:1", "bitnami/redis:1"},
           // scalars that are no strings
           {"x:{{ .number.int }}", "x:7"},
           {"x:{{ .number.float }}", "x:1.5"},
           {"x:{{ .number.text }}", "x:1.10"},
           {"x:{{ .number.big }}", "x:20240101"},
           {"x:{{ .number.bool }}", "x:true"},
       }) {
    const auto hint = Hint::Parse(c.hint);
    ASSERT_TRUE(hint.ok()) << c.hint << ": " << hint.status();
    const auto name = hint->Evaluate(Values());
    ASSERT_TRUE(name.ok()) << c.hint << ": " << name.status();
    EXPECT_EQ(*name, c.expected) << c.hint;
  }
}

TEST(HintTest, NamesThePathThatIsMissing) {
  struct Case {
    std::string hint;
    absl::StatusCode code;
    std::string part;
  };
  for (const Case& c : std::vector<Case>{
           {"{{ .image.nope }}", absl::StatusCode::kNotFound, "no .image.nope"},
           {"{{ .no.such.path }}", absl::StatusCode::kNotFound, "no .no"},
           {"{{ .image.tag.deeper }}", absl::StatusCode::kNotFound, "no .image.tag.deeper"},
           {"{{ .null.tag }}", absl::StatusCode::kNotFound, "no .null.tag"},
           {"{{ .wrong.list }}", absl::StatusCode::kInvalidArgument, ".wrong.list is not a text"},
           {"{{ .wrong.map }}", absl::StatusCode::kInvalidArgument, "object"},
           {"{{ .wrong.list.0 }}", absl::StatusCode::kNotFound, ".wrong.list.0"},
       }) {
    const auto name = Hint::Parse(c.hint).value().Evaluate(Values());
    ASSERT_FALSE(name.ok()) << c.hint;
    EXPECT_EQ(name.status().code(), c.code) << c.hint;
    EXPECT_THAT(Message(name.status()), HasSubstr(c.part));
    EXPECT_THAT(Message(name.status()), HasSubstr(c.hint)) << "the hint itself is named";
  }
  EXPECT_FALSE(Hint::Parse("{{ .a }}").value().Evaluate(json()).ok());
  EXPECT_FALSE(Hint::Parse("{{ .a }}").value().Evaluate(json::array({1})).ok());
}

TEST(HintTest, RefusesWhatIsNoPath) {
  for (const char* text : {"", "   ", "{{ .a", "{{ }}", "{{ . }}", "{{ .a..b }}", "{{ .a. }}",
                           "{{ .a | default \"x\" }}", "{{ include \"x\" . }}", "{{ {{ .a }} }}",
                           "{{ $.a }}", "{{ .a }}:{{ .b"}) {
    EXPECT_EQ(Hint::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(HintTest, ParsesHintsYaml) {
  // Comments, a document mark, both kinds of quotes, no final newline.
  const auto hints = ParseHints(
      "---\n"
      "# images\n"
      "- \"{{ .image.repository }}:{{ .image.tag }}\"   # web\n"
      "- '{{ .singleImageReference.image }}'\n"
      "\n"
      "- \"{{ .number.text }}\"",
      "hints.yaml");
  ASSERT_TRUE(hints.ok()) << hints.status();
  ASSERT_EQ(hints->size(), 3u);
  EXPECT_EQ((*hints)[0].text(), "{{ .image.repository }}:{{ .image.tag }}");
  EXPECT_EQ((*hints)[2].text(), "{{ .number.text }}");
}

TEST(HintTest, AFileWithoutHintsIsFine) {
  for (const char* yaml : {"", "\n", "---\n", "# only a comment\n", "[]", "--- # x\n...\n"}) {
    const auto hints = ParseHints(yaml, "hints.yaml");
    ASSERT_TRUE(hints.ok()) << yaml << hints.status();
    EXPECT_TRUE(hints->empty());
  }
}

TEST(HintTest, DamagedFilesAreNamed) {
  for (const std::string& yaml : std::vector<std::string>{
           "a: b", "text", "- {{ .a }}:{{ .b }}", "- [x]", "- \"", "- *alias", "-", "- {{ .a",
           "- \"{{ .a\"", std::string(100'000, '['), std::string(kMaxHintsBytes + 1, ' ')}) {
    const auto hints = ParseHints(yaml, "h.tar: hints.yaml");
    ASSERT_FALSE(hints.ok()) << yaml.substr(0, 50);
    EXPECT_THAT(Message(hints.status()), HasSubstr("h.tar: hints.yaml")) << yaml.substr(0, 50);
  }
}

}  // namespace
}  // namespace lighter
