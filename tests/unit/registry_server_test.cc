// The registry as a client meets it: over real connections, with blobs in memory.
#include "agent/registry/registry_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/oci.h"
#include "tests/support/memory_content.h"

namespace lighter {
namespace {

using support::MemoryContent;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Response {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The code of an OCI error.
  std::string code() const {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    return json.is_object() && json.contains("errors") ? json["errors"][0]["code"] : "no JSON";
  }
};

UniqueFd Connect(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

void SendText(const UniqueFd& fd, const std::string& text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

// Up to the end of the connection.
std::string ReadAll(const UniqueFd& fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

Response Parse(const std::string& text) {
  Response response;
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits("\r\n\r\n", 1));
  response.body = parts.second;
  for (const absl::string_view line : absl::StrSplit(parts.first, "\r\n")) {
    if (response.status == 0) {
      EXPECT_TRUE(absl::SimpleAtoi(line.substr(9, 3), &response.status)) << line;
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> header =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    response.headers[absl::AsciiStrToLower(header.first)] = std::string(header.second);
  }
  return response;
}

class RegistryServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(const RegistryTimes& times) {
    server_ = nullptr;
    auto started = RegistryServer::Start(
        "127.0.0.1:0", &content_,
        [this](const std::string& line) {
          const std::lock_guard lock(mutex_);
          log_.push_back(line);
        },
        times);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    desired_.Clear();
    release_ = desired_.add_releases();
    web_ = AddImage("quayside/web:v1", "web");
    AddImage("quayside/db:v1", "db");
    content_.SetDesired(desired_);
  }

  std::string host() const { return absl::StrCat("127.0.0.1:", server_->port()); }

  struct Image {
    Digest manifest;
    std::string manifest_bytes;
    Digest config;
    Digest layer;
    std::string layer_bytes;
  };

  // An image whose layer has 300 000 bytes; `name` without the registry.
  Image AddImage(const std::string& name, const std::string& seed) {
    Image image;
    for (int i = 0; image.layer_bytes.size() < 300'000; ++i) {
      absl::StrAppend(&image.layer_bytes, seed, i, ",");
    }
    image.layer_bytes.resize(300'000);
    image.layer = content_.Add(image.layer_bytes);
    image.config = content_.Add("config of " + seed);
    image.manifest_bytes =
        DockerManifestJson({std::string(kDockerConfig), image.config, 10 + seed.size()},
                           {{std::string(kDockerLayer), image.layer, 300'000}});
    image.manifest = content_.Add(image.manifest_bytes);
    v1::DesiredImage* const desired = release_->add_images();
    desired->set_manifest_digest(image.manifest.str());
    desired->set_manifest_media_type(std::string(kDockerManifest));
    desired->set_manifest_size(image.manifest_bytes.size());
    desired->add_names(absl::StrCat(host(), "/", name));
    return image;
  }

  Response Send(const std::string& method, const std::string& target,
                const std::string& headers = {}) {
    return Raw(
        absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: ", host(), "\r\n", headers, "\r\n"));
  }
  Response Raw(const std::string& request) {
    const UniqueFd fd = Connect(server_->port());
    SendText(fd, request);
    return Parse(ReadAll(fd));
  }
  Response Get(const std::string& target, const std::string& headers = {}) {
    return Send("GET", target, headers);
  }
  std::string LayerTarget() const { return "/v2/quayside/web/blobs/" + web_.layer.str(); }

  std::vector<std::string> Log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  MemoryContent content_;
  v1::Desired desired_;
  v1::DesiredRelease* release_ = nullptr;
  Image web_;
  std::mutex mutex_;
  std::vector<std::string> log_;
  std::unique_ptr<RegistryServer> server_;
};

TEST_F(RegistryServerTest, TheBaseSaysThatItIsARegistry) {
  for (const std::string target : {"/v2/", "/v2", "/v2/?ns=r.io"}) {
    const Response response = Get(target);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.at("docker-distribution-api-version"), "registry/2.0");
    EXPECT_EQ(response.body, "{}");
  }
}

TEST_F(RegistryServerTest, AManifestIsGivenByTagAndByDigest) {
  for (const std::string& reference : {std::string("v1"), web_.manifest.str()}) {
    const Response response = Get("/v2/quayside/web/manifests/" + reference);
    EXPECT_EQ(response.status, 200) << reference;
    EXPECT_EQ(response.body, web_.manifest_bytes);
    EXPECT_EQ(response.headers.at("content-type"), kDockerManifest);
    EXPECT_EQ(response.headers.at("docker-content-digest"), web_.manifest.str());
    EXPECT_EQ(response.headers.at("content-length"), absl::StrCat(web_.manifest_bytes.size()));
  }
}

TEST_F(RegistryServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  const auto compare = [this](const std::string& target) {
    Response get = Get(target);
    Response head = Send("HEAD", target);
    EXPECT_EQ(head.status, get.status) << target;
    EXPECT_EQ(head.body, "") << target;
    get.headers.erase("date");
    head.headers.erase("date");
    EXPECT_EQ(head.headers, get.headers) << target;
  };
  compare("/v2/");
  compare("/v2/quayside/web/manifests/v1");
  compare(LayerTarget());
  compare("/v2/quayside/web/manifests/v2");
  const int before = content_.reads(web_.layer);
  EXPECT_EQ(Send("HEAD", LayerTarget(), "Range: bytes=5-\r\n").status, 200);
  EXPECT_EQ(content_.reads(web_.layer), before);
}

TEST_F(RegistryServerTest, ABlobIsGiven) {
  const Response response = Get(LayerTarget());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, web_.layer_bytes);
  EXPECT_EQ(response.headers.at("docker-content-digest"), web_.layer.str());
  EXPECT_EQ(response.headers.at("accept-ranges"), "bytes");
  EXPECT_EQ(response.headers.at("content-length"), "300000");
  EXPECT_EQ(Get("/v2/quayside/web/blobs/" + web_.config.str()).body, "config of web");
  EXPECT_THAT(Log(), IsEmpty());
}

TEST_F(RegistryServerTest, PartsOfABlobAreGiven) {
  Response response = Get(LayerTarget(), "Range: bytes=100000-199999\r\n");
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(response.body, web_.layer_bytes.substr(100'000, 100'000));
  EXPECT_EQ(response.headers.at("content-range"), "bytes 100000-199999/300000");
  EXPECT_EQ(response.headers.at("content-length"), "100000");
  // On the border of a piece, where the content would go on.
  EXPECT_EQ(Get(LayerTarget(), "Range: bytes=0-65535\r\n").body, web_.layer_bytes.substr(0, 65536));
  EXPECT_EQ(Get(LayerTarget(), "Range: bytes=299999-\r\n").body, web_.layer_bytes.substr(299'999));
  EXPECT_EQ(Get(LayerTarget(), "Range: bytes=-7\r\n").body, web_.layer_bytes.substr(299'993));
  EXPECT_EQ(Get(LayerTarget(), "Range: nonsense\r\n").status, 200);
  response = Get(LayerTarget(), "Range: bytes=300000-\r\n");
  EXPECT_EQ(response.status, 416);
  EXPECT_EQ(response.headers.at("content-range"), "bytes */300000");
  EXPECT_THAT(Log(), IsEmpty());
}

TEST_F(RegistryServerTest, WhatIsNotInTheListIsUnknown) {
  struct Case {
    std::string target;
    std::string code;
  };
  const std::string nobodys = Digest::Of("nobody's").str();
  const Digest unlisted = content_.Add("on this node, and in no image");
  for (const Case& c : std::vector<Case>{
           {"/v2/quayside/none/manifests/v1", "NAME_UNKNOWN"},
           {"/v2/quayside/none/blobs/" + web_.layer.str(), "NAME_UNKNOWN"},
           {"/v2/quayside/web/manifests/v2", "MANIFEST_UNKNOWN"},
           {"/v2/quayside/web/manifests/" + nobodys, "MANIFEST_UNKNOWN"},
           // By digest, what is not a manifest of that repository.
           {"/v2/quayside/db/manifests/" + web_.manifest.str(), "MANIFEST_UNKNOWN"},
           {"/v2/quayside/web/manifests/" + web_.config.str(), "MANIFEST_UNKNOWN"},
           {"/v2/quayside/web/blobs/" + nobodys, "BLOB_UNKNOWN"},
           {"/v2/quayside/web/blobs/" + unlisted.str(), "BLOB_UNKNOWN"},
           {"/v2/quayside/db/blobs/" + web_.layer.str(), "BLOB_UNKNOWN"},
           {"/v2/quayside/web/blobs/v1", "BLOB_UNKNOWN"},
           {"/v2/quayside/web/blobs/sha512:" + std::string(128, 'a'), "BLOB_UNKNOWN"},
           {"/v2/../../etc/manifests/passwd", "NAME_UNKNOWN"},
           {"/v2/quayside/%2e%2e/quayside/web/manifests/v1", "NAME_UNKNOWN"},
           {"/v2/quayside/web/manifests/..%2f..%2fpasswd", "UNSUPPORTED"},
           {"/v2/quayside/web/manifests/v1%00", "MANIFEST_UNKNOWN"},
           {"/v2/quayside/web/manifests/v1?ns=r.io", "NAME_UNKNOWN"},
           {"/v2/quayside/web/manifests/v1?ns=", "NAME_UNKNOWN"},
           {"/v2/_catalog", "UNSUPPORTED"},
           {"/v2/quayside/web/tags/list", "UNSUPPORTED"},
           {"/", "UNSUPPORTED"},
       }) {
    const Response response = Get(c.target);
    EXPECT_EQ(response.status, 404) << c.target;
    EXPECT_EQ(response.code(), c.code) << c.target;
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
  }
}

TEST_F(RegistryServerTest, AMirrorsNamesAreThoseOfTheOtherRegistry) {
  release_->mutable_images(0)->add_names("10.0.0.1:5000/acme/web:1");
  release_->mutable_images(0)->add_names("docker.io/library/web:1");
  content_.SetDesired(desired_);
  EXPECT_EQ(Get("/v2/acme/web/manifests/1?ns=10.0.0.1%3A5000").body, web_.manifest_bytes);
  EXPECT_EQ(Get("/v2/acme/web/blobs/" + web_.config.str() + "?ns=10.0.0.1:5000").status, 200);
  EXPECT_EQ(Get("/v2/library/web/manifests/1?ns=docker.io").status, 200);
  EXPECT_EQ(Get("/v2/library/web/manifests/1?ns=registry-1.docker.io").status, 200);
  EXPECT_EQ(Get("/v2/acme/web/manifests/1").status, 404);
}

TEST_F(RegistryServerTest, EveryNameOfTheLoopbackWillDo) {
  for (const std::string name : {"127.0.0.1", "localhost", "LOCALHOST", "[::1]"}) {
    EXPECT_EQ(Raw(absl::StrCat("GET /v2/quayside/web/manifests/v1 HTTP/1.1\r\nHost: ", name, ":",
                               server_->port(), "\r\n\r\n"))
                  .status,
              200)
        << name;
  }
}

TEST_F(RegistryServerTest, OtherHostsAreRefused) {
  const int port = server_->port();
  for (const std::string& name :
       {absl::StrCat("evil.example:", port), std::string("evil.example"), std::string("127.0.0.1"),
        absl::StrCat("127.0.0.1:", port + 1), absl::StrCat("127.0.0.1.evil.example:", port),
        absl::StrCat("localhost.:", port), std::string()}) {
    for (const std::string target : {"/v2/", "/v2/a/manifests/v1?ns=127.0.0.1"}) {
      const Response response =
          Raw(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: ", name, "\r\n\r\n"));
      EXPECT_EQ(response.status, 403) << name;
      EXPECT_EQ(response.code(), "DENIED") << name;
    }
  }
  EXPECT_EQ(Raw("GET /v2/ HTTP/1.1\r\n\r\n").status, 403);
}

TEST_F(RegistryServerTest, NothingIsWritten) {
  for (const std::string method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"}) {
    const Response response = Send(method, "/v2/quayside/web/manifests/v1");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.code(), "UNSUPPORTED") << method;
    EXPECT_EQ(response.headers.at("allow"), "GET, HEAD");
  }
  // The answer is not lost behind a body that nobody reads.
  const std::string body(100'000, 'x');
  EXPECT_EQ(Send("POST", "/v2/a/blobs/uploads/",
                 absl::StrCat("Content-Length: ", body.size(), "\r\n\r\n", body))
                .status,
            405);
}

TEST_F(RegistryServerTest, LongAndBrokenRequestsAreRefused) {
  EXPECT_EQ(Get("/v2/" + std::string(6000, 'a')).status, 414);
  EXPECT_EQ(Get("/v2/" + std::string(100'000, 'a')).status, 414);
  EXPECT_EQ(Get("/v2/", "X: " + std::string(100'000, 'a') + "\r\n").status, 431);
  std::string many;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&many, "X", i, ": y\r\n");
  EXPECT_EQ(Get("/v2/", many).status, 431);
  EXPECT_EQ(Raw("nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(Get("/v2/", "Host: second\r\n").status, 400);
  EXPECT_EQ(Get("/v2/").status, 200);
}

TEST_F(RegistryServerTest, TlsIsAnsweredInPlainHttpAtOnce) {
  RegistryTimes times;
  times.head = absl::InfiniteDuration();
  Start(times);
  // What a ClientHello begins with. containerd 2 waits for an answer before it tries plain HTTP.
  const Response response = Raw(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.code(), "UNSUPPORTED");
}

TEST_F(RegistryServerTest, TheListOfTheMomentCounts) {
  EXPECT_EQ(Get(LayerTarget()).status, 200);
  v1::Desired shorter = desired_;
  shorter.mutable_releases(0)->mutable_images()->DeleteSubrange(0, 1);
  content_.SetDesired(shorter);
  EXPECT_EQ(Get(LayerTarget()).code(), "NAME_UNKNOWN");
  *shorter.mutable_releases(0)->add_previous_images() = desired_.releases(0).images(0);
  content_.SetDesired(shorter);
  EXPECT_EQ(Get(LayerTarget()).body, web_.layer_bytes);
}

TEST_F(RegistryServerTest, WithoutAListNothingIsThere) {
  MemoryContent empty;
  const auto server = RegistryServer::Start("127.0.0.1:0", &empty, [](const std::string&) {});
  ASSERT_TRUE(server.ok()) << server.status();
  const UniqueFd fd = Connect((*server)->port());
  SendText(fd, absl::StrCat("GET /v2/a/manifests/v1 HTTP/1.1\r\nHost: localhost:",
                            (*server)->port(), "\r\n\r\n"));
  EXPECT_EQ(Parse(ReadAll(fd)).code(), "NAME_UNKNOWN");
}

TEST_F(RegistryServerTest, ADamagedManifestIsNotServed) {
  content_.AddAs(web_.manifest, "{}");
  EXPECT_EQ(Get("/v2/quayside/web/manifests/v1").code(), "UNAVAILABLE");
  EXPECT_EQ(Get(LayerTarget()).status, 503);
  EXPECT_THAT(Log(), Contains(HasSubstr("damaged")));
}

TEST_F(RegistryServerTest, WhatNobodyHoldsIsUnknown) {
  content_.Remove(web_.layer);
  EXPECT_EQ(Get(LayerTarget()).code(), "BLOB_UNKNOWN");
  content_.Remove(web_.manifest);
  EXPECT_EQ(Get("/v2/quayside/web/manifests/v1").code(), "MANIFEST_UNKNOWN");
  content_.SetDesired(desired_);  // what the manifest lists is not remembered across lists
  EXPECT_EQ(Get("/v2/quayside/web/blobs/" + web_.config.str()).code(), "BLOB_UNKNOWN");
}

TEST_F(RegistryServerTest, AManifestThatIsGoneHidesNoOtherImageOfItsRepository) {
  const Image second = AddImage("quayside/web:v2", "second");
  content_.SetDesired(desired_);
  const std::vector<std::pair<Image, Image>> pairs = {{web_, second}, {second, web_}};
  for (const auto& [gone, other] : pairs) {
    content_.Remove(gone.manifest);
    EXPECT_EQ(Get("/v2/quayside/web/blobs/" + other.layer.str()).body, other.layer_bytes);
    content_.Add(gone.manifest_bytes);
  }
}

TEST_F(RegistryServerTest, AContentThatFailsInMidBlobMakesAShortBody) {
  content_.SetFault(web_.layer, [](uint64_t given) {
    return given < 100'000 ? absl::OkStatus() : absl::UnavailableError("the peer went away");
  });
  const Response response = Get(LayerTarget());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-length"), "300000");
  EXPECT_EQ(response.body, web_.layer_bytes.substr(0, 2 * 65536));
  EXPECT_THAT(Log(), Contains(HasSubstr("the peer went away")));
  EXPECT_EQ(Get("/v2/quayside/db/manifests/v1").status, 200);
}

TEST_F(RegistryServerTest, ASilentSourceIsGivenUp) {
  RegistryTimes times;
  times.source = absl::Milliseconds(100);
  Start(times);
  absl::Notification over;
  content_.SetFault(web_.layer, [&](uint64_t) {
    over.WaitForNotification();
    return absl::OkStatus();
  });
  // It ends while the source still hangs.
  EXPECT_EQ(Get(LayerTarget()).body, web_.layer_bytes.substr(0, 65536));
  over.Notify();
  server_ = nullptr;
  EXPECT_THAT(Log(), Contains(HasSubstr("no data came")));
}

TEST_F(RegistryServerTest, ASilentClientIsGivenUp) {
  RegistryTimes times;
  times.head = absl::Milliseconds(100);
  Start(times);
  const UniqueFd fd = Connect(server_->port());
  SendText(fd, "GET /v2/ HTTP/1.1\r\nHo");
  EXPECT_EQ(ReadAll(fd), "");
}

// More than socket buffers can hide.
std::string ManyBytes() { return std::string(64 * kMiB, 'x'); }

TEST_F(RegistryServerTest, AClientThatReadsNothingHoldsTheSourceBack) {
  RegistryTimes times;
  times.write = absl::Milliseconds(300);
  Start(times);
  std::atomic<uint64_t> given_in_all{0};
  content_.AddAs(web_.layer, ManyBytes());
  content_.SetFault(web_.layer, [&](uint64_t given) {
    given_in_all = given;
    return absl::OkStatus();
  });
  const UniqueFd fd = Connect(server_->port());
  SendText(fd, absl::StrCat("GET ", LayerTarget(), " HTTP/1.1\r\nHost: ", host(), "\r\n\r\n"));
  while (Log().empty()) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_THAT(Log(), Contains(HasSubstr("too slow")));
  EXPECT_LT(given_in_all, 32 * kMiB);
  EXPECT_LT(ReadAll(fd).size(), 32 * kMiB);
  EXPECT_EQ(Get("/v2/").status, 200);
}

TEST_F(RegistryServerTest, ManyClientsAreServedAtOnce) {
  std::vector<std::future<int>> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(std::async(std::launch::async, [this] {
      int right = 0;
      for (int n = 0; n < 5; ++n) {
        right += static_cast<int>(Get(LayerTarget()).body == web_.layer_bytes);
        right += static_cast<int>(Get("/v2/quayside/web/manifests/v1").status == 200);
      }
      return right;
    }));
  }
  for (std::future<int>& client : clients) EXPECT_EQ(client.get(), 10);
}

TEST_F(RegistryServerTest, ItStopsInMidBlob) {
  content_.AddAs(web_.layer, ManyBytes());
  const UniqueFd busy = Connect(server_->port());
  SendText(busy, absl::StrCat("GET ", LayerTarget(), " HTTP/1.1\r\nHost: ", host(), "\r\n\r\n"));
  char first = 0;
  ASSERT_EQ(::recv(busy.get(), &first, 1, 0), 1);
  const UniqueFd idle = Connect(server_->port());
  server_ = nullptr;
  EXPECT_LT(ReadAll(busy).size(), 64 * kMiB);
  EXPECT_EQ(ReadAll(idle), "");
}

}  // namespace
}  // namespace lighter
