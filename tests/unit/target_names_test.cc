#include "coordinator/naming/target_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "common/status.h"
#include "tests/unit/hint_lines.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kRegistryHint[] =
    "{{ .global.imageRegistry }}/{{ .web.image.repository }}:{{ .web.image.tag }}";

// An image with these names; `content` makes its digests.
ArchiveImage Image(const std::vector<std::string>& repo_tags, const std::string& content) {
  ArchiveImage image;
  image.repo_tags = repo_tags;
  image.config.digest = Digest::Of("config " + content);
  image.manifest = "manifest " + content;
  image.manifest_digest = Digest::Of(image.manifest);
  return image;
}

// What matters of a target, in one line: "image: name (witness)".
std::vector<std::string> Lines(const NamingResult& result) {
  std::vector<std::string> lines;
  for (const TargetName& t : result.targets) {
    const char* witness = t.witness == NameWitness::kHint       ? "hint"
                          : t.witness == NameWitness::kRendered ? "rendered"
                          : t.witness == NameWitness::kAdmitted ? "admitted"
                                                                : "source";
    lines.push_back(std::to_string(t.image) + ": " + t.name + " (" + witness + ")");
  }
  return lines;
}

// One image, "web", whose name the values make; merged values with the mirror in front.
NamingInput WebInput() {
  NamingInput input;
  input.images = {Image({"release.example.io/quayside/web:v1"}, "web")};
  input.hints = Hints({kRegistryHint});
  input.default_values = json::parse(R"({
    "global": {"imageRegistry": "release.example.io"},
    "web": {"image": {"repository": "quayside/web", "tag": "v1"}}})");
  input.merged_values = input.default_values;
  input.merged_values["global"]["imageRegistry"] = "10.16.10.111/release.example.io";
  return input;
}

NamingResult Decide(const NamingInput& input);

TEST(TargetNamesTest, ANameThatAdmissionWritesIsThatOfTheImageInWhosePlaceItStands) {
  NamingInput input = WebInput();
  const std::string rendered = "10.16.10.111/release.example.io/quayside/web:v1";
  input.rewritten_names = {{rendered, "cache.example/web-of-the-day:7"}, {"x.io/b:1", "y.io/b:1"}};
  const NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result), ElementsAre("0: " + rendered + " (hint)",
                                         "0: cache.example/web-of-the-day:7 (admitted)"));
  EXPECT_THAT(result.uncovered, ElementsAre("y.io/b:1"));
}

NamingResult Decide(const NamingInput& input) {
  auto result = DecideTargetNames(input);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : NamingResult();
}

TEST(TargetNamesTest, AHintOnMergedValuesGivesTheTargetName) {
  const NamingResult result = Decide(WebInput());
  EXPECT_THAT(Lines(result),
              ElementsAre("0: 10.16.10.111/release.example.io/quayside/web:v1 (hint)"));
  EXPECT_EQ(result.targets[0].source_name, "release.example.io/quayside/web:v1");
  EXPECT_THAT(result.uncovered, IsEmpty());
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST(TargetNamesTest, ARenderedNameThatAgreesIsTheStrongerWitness) {
  NamingInput input = WebInput();
  input.rendered_names = {"10.16.10.111/release.example.io/quayside/web:v1"};
  EXPECT_THAT(Lines(Decide(input)),
              ElementsAre("0: 10.16.10.111/release.example.io/quayside/web:v1 (rendered)"));
}

// The 24 of 174 names that helpers make of a global registry and the image's own path.
TEST(TargetNamesTest, ARenderedNameThatEndsWithTheSourceIsThatImage) {
  struct Case {
    std::string source;
    std::string rendered;
    bool covered;
  };
  for (const Case& c : std::vector<Case>{
           {"quay.io/argoproj/argocd:v3.3.4", "10.9.9.9/mirror/argoproj/argocd:v3.3.4", true},
           {"quay.io/argoproj/argocd:v3.3.4", "10.9.9.9:5000/quay.io/argoproj/argocd:v3.3.4", true},
           {"quay.io/argoproj/argocd:v3.3.4", "quay.io/argoproj/argocd:v3.3.4", true},
           {"docker.io/bitnami/redis:7", "10.9.9.9/mirror/bitnami/redis:7", true},
           {"nginx:1.25", "10.9.9.9/mirror/library/nginx:1.25", true},
           {"nginx:1.25", "10.9.9.9/mirror/nginx:1.25", true},
           {"nginx", "nginx:latest", true},
           {"index.docker.io/library/nginx:1", "nginx:1", true},
           // not at a component boundary
           {"quay.io/proj/argocd:v1", "10.9.9.9/argoproj/argocd:v1", false},
           {"nginx:1.25", "10.9.9.9/mirror/my-nginx:1.25", false},
           // another tag, another path, only a part of the path
           {"quay.io/argoproj/argocd:v3.3.4", "10.9.9.9/mirror/argoproj/argocd:v3.3.5", false},
           {"quay.io/argoproj/argocd:v3", "10.9.9.9/mirror/argocd:v3", false},
           {"quay.io/argoproj/argocd:v3", "10.9.9.9/mirror/argoproj/argocd", false},
           {"quay.io/a/b:1", "10.9.9.9/a/b@sha256:" + std::string(64, 'a'), false},
       }) {
    NamingInput input;
    input.images = {Image({c.source}, "x"), Image({"r.io/unrelated/thing:1"}, "y")};
    input.rendered_names = {c.rendered};
    const NamingResult result = Decide(input);
    if (c.covered) {
      EXPECT_THAT(result.uncovered, IsEmpty()) << c.rendered;
      EXPECT_THAT(Lines(result)[0], HasSubstr("(rendered)")) << c.rendered;
    } else {
      EXPECT_THAT(result.uncovered, ElementsAre(c.rendered));
      EXPECT_THAT(Lines(result)[0], HasSubstr("(source)"));
    }
  }
}

TEST(TargetNamesTest, BothNamesAreKeptWhereHintAndRenderingDiffer) {
  NamingInput input = WebInput();
  input.merged_values = input.default_values;  // a helper adds the mirror, the values do not
  input.rendered_names = {"10.9.9.9/mirror/quayside/web:v1"};
  EXPECT_THAT(Lines(Decide(input)), ElementsAre("0: 10.9.9.9/mirror/quayside/web:v1 (rendered)",
                                                "0: release.example.io/quayside/web:v1 (hint)"));
}

TEST(TargetNamesTest, OneImageUnderSeveralRenderedNames) {
  NamingInput input = WebInput();
  input.rendered_names = {"a.io/quayside/web:v1", "b.io/quayside/web:v1"};
  EXPECT_EQ(Lines(Decide(input)).size(), 3u);
}

TEST(TargetNamesTest, AnImageWithoutWitnessKeepsItsSourceName) {
  NamingInput input;
  input.images = {Image({"nginx", "r.io/nginx:2"}, "x")};
  const NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result), ElementsAre("0: docker.io/library/nginx:latest (source)",
                                         "0: r.io/nginx:2 (source)"));
  EXPECT_EQ(result.targets[0].source_name, "docker.io/library/nginx:latest");
}

TEST(TargetNamesTest, NamesAreComparedInNormalForm) {
  NamingInput input = WebInput();
  input.images = {Image({"quayside/web:v1"}, "web")};  // as the archive spells it
  input.default_values["global"]["imageRegistry"] = "index.docker.io";
  EXPECT_THAT(Lines(Decide(input)),
              ElementsAre("0: 10.16.10.111/release.example.io/quayside/web:v1 (hint)"));
  input.default_values["global"]["imageRegistry"] = "";
  EXPECT_EQ(Lines(Decide(input)).size(), 1u);
}

TEST(TargetNamesTest, ARegistryWithPortAndPathIsOnePrefix) {
  NamingInput input = WebInput();
  input.merged_values["global"]["imageRegistry"] = "10.16.10.111:5000/a/b";
  EXPECT_THAT(Lines(Decide(input)), ElementsAre("0: 10.16.10.111:5000/a/b/quayside/web:v1 (hint)"));
}

TEST(TargetNamesTest, AHintThatCannotBeEvaluatedIsANoteNotAnError) {
  NamingInput input = WebInput();
  input.hints = Hints({"{{ .no.such }}", kRegistryHint, "{{ .web.image }}"});
  const NamingResult result = Decide(input);
  EXPECT_EQ(result.targets.size(), 1u);
  ASSERT_EQ(result.notes.size(), 2u);
  EXPECT_THAT(result.notes[0], HasSubstr("{{ .no.such }}"));
  EXPECT_THAT(result.notes[0], HasSubstr("the chart's own values"));
  // A value that the user took away: the source name is what is left.
  input = WebInput();
  input.merged_values["web"]["image"]["tag"] = nullptr;
  const NamingResult without = Decide(input);
  EXPECT_THAT(Lines(without), ElementsAre("0: release.example.io/quayside/web:v1 (source)"));
  EXPECT_THAT(without.notes[0], HasSubstr("the merged values"));
}

TEST(TargetNamesTest, AnotherTagIsAnotherImage) {
  // A tag that the user set, or that the values kept from an earlier version.
  NamingInput input = WebInput();
  input.merged_values["web"]["image"]["tag"] = "v0";
  const std::string asked = "release.example.io/quayside/web:v0";
  input.rendered_names = {asked};
  const NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result), ElementsAre("0: release.example.io/quayside/web:v1 (source)"));
  EXPECT_THAT(result.uncovered, ElementsAre(asked));
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr(asked)));
}

TEST(TargetNamesTest, AHintWithoutAnImageIsANote) {
  NamingInput input = WebInput();
  input.hints = Hints({kRegistryHint, "r.io/not/here:1"});
  EXPECT_THAT(Decide(input).notes, ElementsAre(HasSubstr("r.io/not/here:1")));
}

TEST(TargetNamesTest, UncoveredAndMalformedRenderedNamesAreReported) {
  NamingInput input = WebInput();
  input.rendered_names = {"r.io/other:1", "docker.io:aquasec/trivy:1", "r.io/other:2"};
  const NamingResult result = Decide(input);
  EXPECT_THAT(result.uncovered,
              ElementsAre("r.io/other:1", "docker.io:aquasec/trivy:1", "r.io/other:2"));
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("docker.io:aquasec")));
}

// An operator's helper: the hint knows no mirror, the argument has it.
TEST(TargetNamesTest, ANameInAnArgumentIsATargetBesideTheHints) {
  NamingInput input = WebInput();
  input.merged_values = input.default_values;
  input.mentioned_names = {"10.9.9.9/mirror/quayside/web:v1", "10.9.9.9/mirror/quayside/web:v2",
                           "http:80", "a/b:c", "not a name"};
  const NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result), ElementsAre("0: 10.9.9.9/mirror/quayside/web:v1 (rendered)",
                                         "0: release.example.io/quayside/web:v1 (hint)"));
  EXPECT_THAT(result.uncovered, IsEmpty());
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST(TargetNamesTest, AnAmbiguousMentionIsIgnored) {
  NamingInput input;
  input.images = {Image({"a.io/team/web:1"}, "a"), Image({"b.io/team/web:1"}, "b")};
  input.mentioned_names = {"mirror.io/team/web:1"};
  const NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result),
              ElementsAre("0: a.io/team/web:1 (source)", "1: b.io/team/web:1 (source)"));
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST(TargetNamesTest, AnAmbiguousRenderedNameIsNotGuessed) {
  NamingInput input;
  input.images = {Image({"a.io/team/web:1"}, "a"), Image({"b.io/team/web:1"}, "b")};
  input.rendered_names = {"mirror.io/team/web:1"};
  NamingResult result = Decide(input);
  EXPECT_THAT(result.uncovered, ElementsAre("mirror.io/team/web:1"));
  EXPECT_THAT(result.notes, ElementsAre(::testing::AllOf(HasSubstr("a.io/team/web:1"),
                                                         HasSubstr("b.io/team/web:1"))));
  // The whole source name decides.
  input.rendered_names = {"mirror.io/b.io/team/web:1"};
  result = Decide(input);
  EXPECT_THAT(result.uncovered, IsEmpty());
  EXPECT_THAT(Lines(result), ElementsAre("0: a.io/team/web:1 (source)",
                                         "1: mirror.io/b.io/team/web:1 (rendered)"));
  // Two names of one and the same image are no doubt.
  input.images[1] = Image({"b.io/team/web:1"}, "a");
  input.rendered_names = {"mirror.io/team/web:1"};
  EXPECT_THAT(Decide(input).uncovered, IsEmpty());
}

TEST(TargetNamesTest, TwoImagesForOneNameAreRefused) {
  NamingInput input = WebInput();
  input.images.push_back(Image({"release.example.io/quayside/worker:v1"}, "worker"));
  input.hints = Hints({kRegistryHint, "{{ .global.imageRegistry }}/{{ .worker }}:v1"});
  input.default_values["worker"] = "quayside/worker";
  input.merged_values["worker"] = "quayside/web";  // a slip in the user's values
  auto result = DecideTargetNames(input);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* part : {"10.16.10.111/release.example.io/quayside/web:v1",
                           "release.example.io/quayside/web:v1 (sha256:",
                           "release.example.io/quayside/worker:v1 (sha256:"}) {
    EXPECT_THAT(Message(result.status()), HasSubstr(part));
  }
  // The same image twice is fine.
  input.images[1] = Image({"release.example.io/quayside/worker:v1"}, "web");
  EXPECT_TRUE(DecideTargetNames(input).ok());
}

TEST(TargetNamesTest, ANamelessImageGetsTheOnlyHintThatIsLeft) {
  const std::string pin = "sha256:" + std::string(64, 'c');
  NamingInput input = WebInput();
  input.images.push_back(Image({}, "pinned"));
  input.hints = Hints({kRegistryHint, "{{ .reg }}/db@{{ .digest }}"});
  input.default_values["reg"] = "quay.io";
  input.default_values["digest"] = pin;
  input.merged_values["reg"] = "10.9.9.9";
  input.merged_values["digest"] = pin;
  NamingResult result = Decide(input);
  ASSERT_EQ(result.targets.size(), 2u);
  EXPECT_EQ(result.targets[1].image, 1u);
  EXPECT_EQ(result.targets[1].name, "10.9.9.9/db@" + pin);
  EXPECT_EQ(result.targets[1].source_name, "");
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("pins a digest")));
  // A helper's prefix is found for it, too.
  input.rendered_names = {"10.9.9.9/mirror/db@" + pin};
  EXPECT_THAT(Decide(input).uncovered, IsEmpty());
  // Two of a kind cannot be told apart.
  input.rendered_names.clear();
  input.images.push_back(Image({}, "pinned too"));
  result = Decide(input);
  EXPECT_EQ(result.targets.size(), 1u);
  EXPECT_THAT(result.notes, ::testing::Contains(HasSubstr("an image without a name")));
}

TEST(TargetNamesTest, ANamelessImageIsKnownByTheDigestOfItsManifest) {
  NamingInput input;
  input.images = {Image({}, "a"), Image({}, "b")};
  const std::string a = input.images[0].manifest_digest.str();
  const std::string b = input.images[1].manifest_digest.str();
  input.hints = Hints({"r.io/b@" + b, "r.io/a@" + a});
  const NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result),
              ElementsAre("0: r.io/a@" + a + " (hint)", "1: r.io/b@" + b + " (hint)"));
  EXPECT_THAT(result.notes, IsEmpty());
}

// An archive that keeps the registry's manifests has names and digests.
TEST(TargetNamesTest, ANamedImageIsAlsoKnownByTheDigestOfItsManifest) {
  NamingInput input = WebInput();
  const std::string pin = "@" + input.images[0].manifest_digest.str();
  input.hints = {};
  input.rendered_names = {"10.16.10.111/release.example.io/quayside/web:v1" + pin};
  NamingResult result = Decide(input);
  EXPECT_THAT(Lines(result),
              ElementsAre("0: 10.16.10.111/release.example.io/quayside/web" + pin + " (rendered)"));
  EXPECT_THAT(result.uncovered, IsEmpty());

  input.hints = Hints({"{{ .image }}"});
  input.default_values = {{"image", "release.example.io/quayside/web" + pin}};
  input.merged_values = {{"image", "10.16.10.111/quayside/web" + pin}};
  input.rendered_names = {};
  result = Decide(input);
  EXPECT_THAT(Lines(result), ElementsAre("0: 10.16.10.111/quayside/web" + pin + " (hint)"));
  EXPECT_THAT(result.notes, IsEmpty());

  input.rendered_names = {"10.16.10.111/quayside/web@" + Digest::Of("another").str()};
  EXPECT_THAT(Decide(input).uncovered, ElementsAre(input.rendered_names.front()));
}

TEST(TargetNamesTest, ANameThatContainerdRefusesIsANote) {
  NamingInput input;
  input.images = {Image({"Foo/bar:1"}, "x")};
  const NamingResult result = Decide(input);
  EXPECT_THAT(result.targets, IsEmpty());
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("lower case")));
}

TEST(TargetNamesTest, NothingGivesNothing) {
  const NamingResult result = Decide({});
  EXPECT_THAT(result.targets, IsEmpty());
  EXPECT_THAT(result.notes, IsEmpty());
}

}  // namespace
}  // namespace lighter
