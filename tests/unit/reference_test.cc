#include "common/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;

const std::string kHex(64, 'a');

TEST(ReferenceTest, NormalisesAsParseDockerRef) {
  struct Case {
    std::string text;
    std::string expected;
  };
  const std::string sha512 = "sha512:" + std::string(128, 'b');
  for (const Case& c : std::vector<Case>{
           {"nginx", "docker.io/library/nginx:latest"},
           {"nginx:1.25", "docker.io/library/nginx:1.25"},
           {"bitnami/redis:7", "docker.io/bitnami/redis:7"},
           {"docker.io/nginx:1", "docker.io/library/nginx:1"},
           {"docker.io/bitnami/redis:7", "docker.io/bitnami/redis:7"},
           {"index.docker.io/library/idx:1", "docker.io/library/idx:1"},
           {"index.docker.io/idx:1", "docker.io/library/idx:1"},
           {"localhost/bar:1", "localhost/bar:1"},
           {"localhost:5000/foo:1", "localhost:5000/foo:1"},
           {"registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"},
           {"10.16.10.111/release.example.io/hydra/x:v1",
            "10.16.10.111/release.example.io/hydra/x:v1"},
           {"10.9.9.9:5000/mirror/a/b/c", "10.9.9.9:5000/mirror/a/b/c:latest"},
           {"[fd00::1]:5000/foo:1", "[fd00::1]:5000/foo:1"},
           {"[fd00::1]/foo", "[fd00::1]/foo:latest"},
           {"Registry.Example.IO/foo:V1", "Registry.Example.IO/foo:V1"},
           {"a/b_c/d__e/f-g/h---i/j.k:1", "docker.io/a/b_c/d__e/f-g/h---i/j.k:1"},
           {"x@sha256:" + kHex, "docker.io/library/x@sha256:" + kHex},
           {"r.io/x:1.2@sha256:" + kHex, "r.io/x@sha256:" + kHex},
           {"r.io:5/x:1@" + sha512, "r.io:5/x@" + sha512},
           {"x:" + std::string(128, 't'), "docker.io/library/x:" + std::string(128, 't')},
           {"x:_a.B-c", "docker.io/library/x:_a.B-c"},
           // 64 hex digits are an ID only when they stand alone.
           {kHex + ":1", "docker.io/library/" + kHex + ":1"},
           // No dot, no colon: a namespace on Docker Hub, not a registry.
           {"myregistry/foo:1", "docker.io/myregistry/foo:1"},
       }) {
    const auto reference = Reference::Parse(c.text);
    ASSERT_TRUE(reference.ok()) << c.text << ": " << reference.status();
    EXPECT_EQ(reference->str(), c.expected);
    // A normalised name is its own normal form.
    const auto again = Reference::Parse(reference->str());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->str(), c.expected);
  }
}

TEST(ReferenceTest, GivesThePartsOfAName) {
  const auto tagged = Reference::Parse("10.16.10.111:5000/a/b:v1");
  ASSERT_TRUE(tagged.ok());
  EXPECT_EQ(tagged->registry, "10.16.10.111:5000");
  EXPECT_EQ(tagged->repository, "a/b");
  EXPECT_EQ(tagged->tag, "v1");
  EXPECT_EQ(tagged->digest, "");
  EXPECT_EQ(tagged->name(), "10.16.10.111:5000/a/b");
  const auto pinned = Reference::Parse("a/b:v1@sha256:" + kHex);
  ASSERT_TRUE(pinned.ok());
  EXPECT_EQ(pinned->tag, "") << "the tag is dropped beside a digest";
  EXPECT_EQ(pinned->digest, "sha256:" + kHex);
}

TEST(ReferenceTest, RefusesWhatTheGrammarDoesNotHave) {
  struct Case {
    std::string text;
    std::string why;
  };
  for (const Case& c : std::vector<Case>{
           {"", "empty"},
           {kHex, "image ID"},
           {"Foo/bar:1", "lower case"},
           {"nginX", "lower case"},
           {"r.io/Foo:1", "lower case"},
           {"docker.io:aquasec/trivy:1",
            "not a registry"},  // a colon for a slash; seen in the wild
           {"-r.io/x", "not a registry"},
           {"r..io/x", "not a registry"},
           {"r.io-/x", "not a registry"},
           {"r.io:/x", "not a registry"},
           {"r.io:5a/x", "not a registry"},
           {"[fd00::1/x", "not a registry"},
           {"[]/x:1", "repository name"},
           {"[fd00::1]x/x.y", "not a registry"},
           {"[gg::1]/x", "not a registry"},
           {"r_x.io/x", "not a registry"},
           {".x/y", "not a registry"},
           {"/x:1", "repository name"},
           {"x/", "repository name"},
           {"x//y", "repository name"},
           {"x/_y", "repository name"},
           {"x/y_", "repository name"},
           {"x/y..z", "repository name"},
           {"x/y___z", "repository name"},
           {"x/y-_z", "repository name"},
           {"x y", "repository name"},
           {"x\ny", "repository name"},
           {"x:", "tag is empty"},
           {"x:-a", "tag"},
           {"x:.a", "tag"},
           {"x:a b", "tag"},
           {"x:a+b", "tag"},
           {"x:1:2", "tag"},
           {"x:" + std::string(129, 't'), "tag"},
           {"x@", "digest"},
           {"x@sha256:", "digest"},
           {"x@sha256:abc", "digest"},
           {"x@sha256:" + std::string(64, 'A'), "digest"},
           {"x@sha256:" + std::string(63, 'a'), "digest"},
           {"x@md5:" + std::string(32, 'a'), "digest"},
           {"x@sha512:" + kHex, "digest"},
           {"x@sha256:" + kHex + "@sha256:" + kHex, "digest"},
           {"<no value>/x:1", "repository name"},
           {"r.io/<no value>:1", "repository name"},
           {"r.io/x:<no value>", "tag"},
       }) {
    const auto reference = Reference::Parse(c.text);
    ASSERT_FALSE(reference.ok()) << c.text << " became " << reference->str();
    EXPECT_EQ(reference.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(reference.status()), HasSubstr(c.why)) << c.text;
  }
}

TEST(ReferenceTest, RegistryAndRepositoryTogetherHave255CharactersAtMost) {
  const std::string registry = "r.io/";
  const std::string longest = registry + std::string(255 - registry.size(), 'x');
  EXPECT_TRUE(Reference::Parse(longest + ":" + std::string(128, 't')).ok());
  const auto longer = Reference::Parse(longest + "x");
  ASSERT_FALSE(longer.ok());
  EXPECT_THAT(Message(longer.status()), HasSubstr("255"));
}

TEST(ReferenceTest, MessagesShowControlCharactersEscaped) {
  const auto reference = Reference::Parse("x\x1b[31m");
  EXPECT_THAT(Message(reference.status()), HasSubstr("x\\033[31m"));
}

}  // namespace
}  // namespace lighter
