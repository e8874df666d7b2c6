// The parts of the registry that need no connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "agent/registry/byte_range.h"
#include "agent/registry/desired_names.h"
#include "agent/registry/http_request.h"
#include "agent/registry/loopback_listener.h"
#include "agent/registry/manifest_blobs.h"
#include "agent/registry/registry_route.h"
#include "common/limits.h"
#include "common/oci.h"
#include "common/status.h"
#include "tests/support/memory_content.h"

namespace lighter {
namespace {

using support::MemoryContent;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using Kind = RegistryRoute::Kind;

std::string Hex(char digit) { return std::string(64, digit); }
std::string DigestText(char digit) { return "sha256:" + Hex(digit); }
Digest DigestOf(char digit) { return *Digest::FromHex(Hex(digit)); }

TEST(RegistryRouteTest, TargetsOfTheApiAreTakenApart) {
  struct Case {
    std::string target;
    Kind kind;
    std::string repository;
    std::string reference;
    std::optional<std::string> mirrored;
  };
  for (const Case& c : std::vector<Case>{
           {"/v2/", Kind::kBase, "", "", {}},
           {"/v2", Kind::kBase, "", "", {}},
           {"/v2/?ns=r.io", Kind::kBase, "", "", "r.io"},
           {"/v2/web/manifests/v1", Kind::kManifest, "web", "v1", {}},
           {"/v2/a/b/c/manifests/v1", Kind::kManifest, "a/b/c", "v1", {}},
           {"/v2/a/blobs/sha256:12", Kind::kBlob, "a", "sha256:12", {}},
           {"/v2/a/blobs/sha256%3A12", Kind::kBlob, "a", "sha256:12", {}},
           {"/v2/blobs/manifests/manifests/blobs/x",
            Kind::kBlob,
            "blobs/manifests/manifests",
            "x",
            {}},
           {"/v2/a/manifests/v1?ns=10.0.0.1%3A5000", Kind::kManifest, "a", "v1", "10.0.0.1:5000"},
           {"/v2/a/manifests/v1?x=1&ns=r.io&y", Kind::kManifest, "a", "v1", "r.io"},
           {"/v2/a/manifests/v1?ns=", Kind::kManifest, "a", "v1", ""},
           {"/v2/a/manifests/v1?", Kind::kManifest, "a", "v1", {}},
           {"/v2/../../etc/manifests/passwd", Kind::kManifest, "../../etc", "passwd", {}},
       }) {
    const std::optional<RegistryRoute> route = ParseRegistryRoute(c.target);
    ASSERT_TRUE(route.has_value()) << c.target;
    EXPECT_EQ(route->kind, c.kind) << c.target;
    EXPECT_EQ(route->repository, c.repository) << c.target;
    EXPECT_EQ(route->reference, c.reference) << c.target;
    EXPECT_EQ(route->mirrored, c.mirrored) << c.target;
  }
}

TEST(RegistryRouteTest, OtherTargetsAreNoRoutes) {
  for (const std::string target : {"",
                                   "/",
                                   "v2/",
                                   "/v1/",
                                   "/v2x",
                                   "/v22/",
                                   "/v2/_catalog",
                                   "/v2/a",
                                   "/v2/a/tags/list",
                                   "/v2/manifests/v1",
                                   "/v2//manifests/v1",
                                   "/v2/a/manifests",
                                   "/v2/a/manifests/",
                                   "/v2/a/manifest/v1",
                                   "/v2/a/manifests/v1%",
                                   "/v2/a/manifests/v1%2",
                                   "/v2/a/manifests/%zz",
                                   "/v2/a/manifests/v1?ns=a&ns=b",
                                   "/v2/a/manifests/v1?ns=%",
                                   "http://127.0.0.1/v2/",
                                   "/v2/a/blobs/uploads/"}) {
    EXPECT_FALSE(ParseRegistryRoute(target).has_value()) << target;
  }
}

// Adds an image to the list; the digests are one digit 64 times.
v1::DesiredImage* Put(google::protobuf::RepeatedPtrField<v1::DesiredImage>* images, char digit,
                      const std::vector<std::string>& names) {
  v1::DesiredImage* const image = images->Add();
  image->set_manifest_digest(DigestText(digit));
  for (const std::string& name : names) image->add_names(name);
  return image;
}

class DesiredNamesTest : public ::testing::Test {
 protected:
  // The digit of the digest of a tag; '-' where there is none.
  char Tag(const std::string& registry, const std::string& repository, const std::string& tag) {
    const DesiredNames names(std::make_shared<v1::Desired>(list_));
    const DesiredNames::Repository* const found = names.Find(registry, repository);
    if (found == nullptr || !found->tags.contains(tag)) return '-';
    return found->tags.at(tag)->manifest_digest().back();
  }

  v1::Desired list_;
};

TEST_F(DesiredNamesTest, NamesAreFoundAsClientsSayThem) {
  v1::DesiredRelease* const release = list_.add_releases();
  Put(release->mutable_images(), '1', {"127.0.0.1:7444/q/web:v1", "10.0.0.1:5000/q/web:v1"});
  Put(release->mutable_images(), '2', {"localhost:7444/q/db:v1"});
  Put(release->mutable_images(), '3', {"docker.io/library/nginx:1"});
  Put(release->mutable_previous_images(), '4', {"127.0.0.1:7444/q/web:v0"});
  for (const std::string host : {"127.0.0.1:7444", "localhost:7444", "[::1]:7444"}) {
    EXPECT_EQ(Tag(host, "q/web", "v1"), '1') << host;
    EXPECT_EQ(Tag(host, "q/db", "v1"), '2') << host;
    EXPECT_EQ(Tag(host, "q/web", "v0"), '4') << host;
  }
  EXPECT_EQ(Tag("10.0.0.1:5000", "q/web", "v1"), '1');
  for (const std::string host : {"docker.io", "registry-1.docker.io", "index.docker.io"}) {
    EXPECT_EQ(Tag(host, "library/nginx", "1"), '3') << host;
    EXPECT_EQ(Tag(host, "nginx", "1"), '3') << host;
  }
}

TEST_F(DesiredNamesTest, NothingElseIsFound) {
  Put(list_.add_releases()->mutable_images(), '1',
      {"127.0.0.1:7444/q/web:v1", "docker.io/foo/bar:v1", "docker.io/library/nginx:v1"});
  EXPECT_EQ(Tag("127.0.0.1:7444", "q/web", "v2"), '-');
  EXPECT_EQ(Tag("127.0.0.1:7444", "q/we", "v1"), '-');
  EXPECT_EQ(Tag("127.0.0.1:7445", "q/web", "v1"), '-');
  EXPECT_EQ(Tag("127.0.0.1", "q/web", "v1"), '-');
  EXPECT_EQ(Tag("10.0.0.1:5000", "q/web", "v1"), '-');
  EXPECT_EQ(Tag("127.0.0.1:7444", "nginx", "v1"), '-');
  // Parts that only together would be a name.
  EXPECT_EQ(Tag("foo", "bar", "v1"), '-');
  EXPECT_EQ(Tag("docker.io/foo", "bar", "v1"), '-');
  EXPECT_EQ(Tag("", "nginx", "v1"), '-');
  EXPECT_EQ(Tag("127.0.0.1:7444/q", "web", "v1"), '-');
  for (const std::string repository :
       {"", "/", "../q/web", "q/../q/web", "q//web", "q/web/", "q/web:v1", "Q/web", "q/web@x",
        "q/web@sha256:1111111111111111111111111111111111111111111111111111111111111111"}) {
    EXPECT_EQ(Tag("127.0.0.1:7444", repository, "v1"), '-') << repository;
  }
  EXPECT_EQ(DesiredNames(nullptr).Find("docker.io", "nginx"), nullptr);
}

TEST_F(DesiredNamesTest, ATagOfSeveralManifestsIsThatOfTheLastLoad) {
  v1::DesiredRelease* const older = list_.add_releases();
  older->set_loaded_unix_seconds(100);
  Put(older->mutable_images(), '1', {"r.io/a:v1", "r.io/b:v1"});
  v1::DesiredRelease* const newer = list_.add_releases();
  newer->set_loaded_unix_seconds(200);
  Put(newer->mutable_images(), '2', {"r.io/a:v1"});
  Put(newer->mutable_previous_images(), '3', {"r.io/a:v1", "r.io/b:v1", "r.io/c:v1"});
  EXPECT_EQ(Tag("r.io", "a", "v1"), '2');
  EXPECT_EQ(Tag("r.io", "b", "v1"), '1');
  EXPECT_EQ(Tag("r.io", "c", "v1"), '3');
}

TEST_F(DesiredNamesTest, EveryManifestOfARepositoryIsFoundByDigest) {
  v1::DesiredRelease* const release = list_.add_releases();
  Put(release->mutable_images(), '1', {"r.io/a:v1"});
  Put(release->mutable_images(), '2', {"r.io/a@" + DigestText('2')});
  Put(release->mutable_images(), '3', {"r.io/other:v1"});
  Put(release->mutable_images(), '4', {"not a name", "r.io/a:v4"});
  release->add_images()->add_names("r.io/a:broken");  // without a digest
  const DesiredNames names(std::make_shared<v1::Desired>(list_));
  std::set<Digest> found;
  for (const auto& [digest, image] : names.Find("r.io", "a")->manifests) found.insert(digest);
  EXPECT_THAT(found, UnorderedElementsAre(DigestOf('1'), DigestOf('2'), DigestOf('4')));
  EXPECT_FALSE(names.Find("r.io", "a")->tags.contains("broken"));
}

TEST(ByteRangeTest, OneRangeIsUnderstood) {
  struct Case {
    std::string header;
    uint64_t size;
    ByteRange::Kind kind;
    uint64_t offset;
    uint64_t length;
  };
  constexpr auto kWhole = ByteRange::Kind::kWhole;
  constexpr auto kPart = ByteRange::Kind::kPart;
  constexpr auto kBehind = ByteRange::Kind::kUnsatisfiable;
  for (const Case& c : std::vector<Case>{
           {"", 10, kWhole, 0, 10},
           {"bytes=0-", 10, kPart, 0, 10},
           {"bytes=3-", 10, kPart, 3, 7},
           {"bytes=3-3", 10, kPart, 3, 1},
           {"bytes=3-9", 10, kPart, 3, 7},
           {"bytes=3-10", 10, kPart, 3, 7},
           {"bytes=9-18446744073709551615", 10, kPart, 9, 1},
           {"bytes=-1", 10, kPart, 9, 1},
           {"bytes=-10", 10, kPart, 0, 10},
           {"bytes=-11", 10, kPart, 0, 10},
           {"bytes=10-", 10, kBehind, 0, 0},
           {"bytes=-0", 10, kBehind, 0, 0},
           {"bytes=0-", 0, kBehind, 0, 0},
           {"bytes=-1", 0, kBehind, 0, 0},
           {"bytes=5-3", 10, kWhole, 0, 10},
           {"bytes=1-2,4-5", 10, kWhole, 0, 10},
           {"bytes=+1-2", 10, kWhole, 0, 10},
           {"bytes= 1-2", 10, kWhole, 0, 10},
           {"bytes=--1", 10, kWhole, 0, 10},
           {"bytes=-", 10, kWhole, 0, 10},
           {"bytes=1", 10, kWhole, 0, 10},
           {"bytes=18446744073709551616-", 10, kWhole, 0, 10},
           {"lines=1-2", 10, kWhole, 0, 10},
       }) {
    const ByteRange range = ParseByteRange(c.header, c.size);
    EXPECT_EQ(range.kind, c.kind) << c.header;
    EXPECT_EQ(range.offset, c.offset) << c.header;
    EXPECT_EQ(range.length, c.length) << c.header;
  }
}

TEST(HttpRequestTest, AHeadIsRead) {
  const auto request = ParseHttpRequest(
      "GET /v2/?ns=a HTTP/1.1\r\nhost: LocalHost:7444\r\nRANGE: bytes=1-\r\nX-Other: y\r\n\r\n");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->target, "/v2/?ns=a");
  EXPECT_EQ(request->host, "localhost:7444");
  EXPECT_EQ(request->range, "bytes=1-");
  EXPECT_EQ(ParseHttpRequest("BREW / HTTP/1.0\r\n\r\n")->method, "BREW");
}

TEST(HttpRequestTest, WhatIsNoHttpIsRefused) {
  for (const std::string head : {
           "\r\n\r\n",
           "GET\r\n\r\n",
           "GET / HTTP/2.0\r\n\r\n",
           "GET / HTTP/1.1\r\nno colon\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
           "GET / with blanks HTTP/1.1\r\n\r\n",
           "GET /\x01 HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a",
           "\x16\x03\x01\x02\r\n\r\n",
       }) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseHttpRequest(head).status())) << head;
  }
  const std::string target(kMaxHttpTargetBytes + 1, '/');
  EXPECT_TRUE(absl::IsOutOfRange(ParseHttpRequest("GET " + target + " HTTP/1.1\r\n\r\n").status()));
}

TEST(LoopbackListenerTest, OtherAddressesAreRefused) {
  for (const std::string listen :
       {"", "7444", ":7444", "0.0.0.0:0", "10.0.0.1:0", "[::]:0", "[fe80::1]:0", "localhost:0",
        "126.255.255.255:0", "128.0.0.1:0", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:http", "127.1:0", "::1:0", "unix:/x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ListenOnLoopback(listen).status())) << listen;
  }
}

TEST(LoopbackListenerTest, APortIsTakenOnce) {
  const auto first = ListenOnLoopback("127.0.0.2:0");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->address, "127.0.0.2");
  EXPECT_GT(first->port, 0);
  const auto second = ListenOnLoopback(absl::StrCat("127.0.0.2:", first->port));
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST(ManifestBlobsTest, ConfigAndLayersAreListed) {
  const std::string manifest = DockerManifestJson(
      {"c", DigestOf('a'), 1}, {{"l", DigestOf('b'), 2}, {"l", DigestOf('c'), 3}});
  const auto blobs = ParseManifestBlobs(manifest);
  ASSERT_TRUE(blobs.ok()) << blobs.status();
  EXPECT_THAT(*blobs, UnorderedElementsAre(DigestOf('a'), DigestOf('b'), DigestOf('c')));
}

TEST(ManifestBlobsTest, WhatIsNoImageManifestIsRefused) {
  const std::string config = absl::StrCat(R"("config":{"digest":")", DigestText('a'), R"("})");
  for (const std::string& manifest : std::vector<std::string>{
           "", "[]", "7", "{}", "{" + config + "}", R"({"layers":[]})",
           R"({"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json"})",
           "{" + config + R"(,"layers":{}})", "{" + config + R"(,"layers":[7]})",
           "{" + config + R"(,"layers":[{"digest":7}]})",
           "{" + config + R"(,"layers":[{"digest":"sha256:../x"}]})",
           R"({"config":"x","layers":[]})"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseManifestBlobs(manifest).status())) << manifest;
  }
}

v1::DesiredImage ImageOf(const Digest& digest) {
  v1::DesiredImage image;
  image.set_manifest_digest(digest.str());
  return image;
}

TEST(ManifestBlobsTest, AManifestIsReadOnce) {
  MemoryContent content;
  const Digest digest = content.Add(DockerManifestJson({"c", DigestOf('a'), 1}, {}));
  ManifestBlobs blobs(ReadFrom(&content));
  for (int i = 0; i < 3; ++i) {
    const auto found = blobs.Get(ImageOf(digest));
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_THAT(**found, UnorderedElementsAre(DigestOf('a')));
  }
  EXPECT_EQ(content.reads(digest), 1);
}

TEST(ManifestBlobsTest, AFailureIsNotKept) {
  MemoryContent content;
  const std::string manifest = DockerManifestJson({"c", DigestOf('a'), 1}, {});
  ManifestBlobs blobs(ReadFrom(&content));
  const v1::DesiredImage image = ImageOf(Digest::Of(manifest));
  EXPECT_TRUE(absl::IsNotFound(blobs.Get(image).status()));
  content.Add(manifest);
  EXPECT_TRUE(blobs.Get(image).ok());
}

TEST(ManifestBlobsTest, OtherBytesAndTooManyAreDataLoss) {
  MemoryContent content;
  content.AddAs(DigestOf('1'), DockerManifestJson({"c", DigestOf('a'), 1}, {}));
  const auto changed = ReadManifest(ReadFrom(&content), ImageOf(DigestOf('1')));
  EXPECT_TRUE(absl::IsDataLoss(changed.status()));
  EXPECT_THAT(Message(changed.status()), HasSubstr("damaged"));
  const Digest large = content.Add(std::string(kMaxConfigBytes + 1, ' '));
  EXPECT_THAT(Message(ReadManifest(ReadFrom(&content), ImageOf(large)).status()),
              HasSubstr("more than"));
  const Digest largest = content.Add(std::string(kMaxConfigBytes, ' '));
  EXPECT_TRUE(ReadManifest(ReadFrom(&content), ImageOf(largest)).ok());
}

}  // namespace
}  // namespace lighter
