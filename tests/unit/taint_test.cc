// What takes a startup taint off a node: the change that is asked of the API server, and HTTPS to
// it, whatever it answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/taint/https.h"
#include "agent/taint/node_taints.h"
#include "agent/taint/taint_lifter.h"
#include "common/status.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kKey[] = "example.com/images-missing";

json Taint(const std::string& key, const std::string& effect) {
  return {{"key", key}, {"effect", effect}};
}

std::string NodeWith(const json& taints) {
  json node = {{"kind", "Node"}, {"apiVersion", "v1"}, {"spec", {{"podCIDR", "10.0.0.0/24"}}}};
  if (!taints.is_null()) node["spec"]["taints"] = taints;
  return node.dump();
}

TEST(PatchWithoutTaintTest, TakesEveryTaintOfTheKeyAndLeavesTheOthersAsTheyAre) {
  const json other = {{"key", "a.example/b"}, {"effect", "NoSchedule"}, {"timeAdded", "t"}};
  const json taints = json::array({Taint(kKey, "NoSchedule"), other, Taint(kKey, "NoExecute"),
                                   Taint(absl::StrCat(kKey, "-too"), "NoSchedule")});
  const auto patch = PatchWithoutTaint(NodeWith(taints), kKey);
  ASSERT_TRUE(patch.ok() && patch->has_value()) << patch.status();
  EXPECT_EQ(json::parse(**patch),
            json::array({{{"op", "test"}, {"path", "/spec/taints"}, {"value", taints}},
                         {{"op", "replace"},
                          {"path", "/spec/taints"},
                          {"value", json::array({other, taints[3]})}}}));
}

TEST(PatchWithoutTaintTest, TheLastTaintGoesWithItsList) {
  const json taints = json::array({Taint(kKey, "NoSchedule")});
  const auto patch = PatchWithoutTaint(NodeWith(taints), kKey);
  ASSERT_TRUE(patch.ok() && patch->has_value()) << patch.status();
  EXPECT_EQ(json::parse(**patch).at(1), json({{"op", "remove"}, {"path", "/spec/taints"}}));
}

TEST(PatchWithoutTaintTest, ANodeWithoutTheTaintStaysAsItIs) {
  for (const json& taints : {json(), json::array(), json::array({Taint("other", "NoSchedule")})}) {
    const auto patch = PatchWithoutTaint(NodeWith(taints), kKey);
    ASSERT_TRUE(patch.ok()) << patch.status();
    EXPECT_FALSE(patch->has_value()) << **patch;
  }
}

TEST(PatchWithoutTaintTest, WhatIsNoNodeIsRefused) {
  for (const char* text :
       {"", "[]", "{}", R"({"kind":"Status","spec":{}})", R"({"kind":"Node"})"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(PatchWithoutTaint(text, kKey).status())) << text;
  }
  EXPECT_TRUE(PatchWithoutTaint(R"({"kind":"Node","spec":{"taints":[1,{"key":2}]}})", kKey).ok());
}

// An API server with one node.
struct FakeApi {
  AskApi ask() {
    return [this](const HttpsRequest& request) -> absl::StatusOr<HttpsAnswer> {
      requests.push_back(request);
      if (request.method == "GET") return HttpsAnswer{200, node};
      return patched;
    };
  }
  std::string node = NodeWith(json::array({Taint(kKey, "NoSchedule")}));
  HttpsAnswer patched = {200, "{}"};
  std::vector<HttpsRequest> requests;
};

TEST(LiftTaintTest, LooksAtTheNodeAndPatchesIt) {
  FakeApi api;
  const auto lifted = LiftTaint(api.ask(), "node1", kKey);
  ASSERT_TRUE(lifted.ok()) << lifted.status();
  EXPECT_TRUE(*lifted);
  ASSERT_EQ(api.requests.size(), 2u);
  EXPECT_EQ(api.requests[0].target, "/api/v1/nodes/node1?resourceVersion=0");
  EXPECT_EQ(api.requests[1].method, "PATCH");
  EXPECT_EQ(api.requests[1].target, "/api/v1/nodes/node1?fieldManager=lighter");
  EXPECT_EQ(api.requests[1].content_type, "application/json-patch+json");
  EXPECT_EQ(api.requests[1].body, PatchWithoutTaint(api.node, kKey)->value());
}

TEST(LiftTaintTest, NothingIsAskedForWhereTheTaintIsNotThere) {
  FakeApi api;
  api.node = NodeWith(nullptr);
  const auto lifted = LiftTaint(api.ask(), "node1", kKey);
  ASSERT_TRUE(lifted.ok()) << lifted.status();
  EXPECT_FALSE(*lifted);
  EXPECT_EQ(api.requests.size(), 1u);
}

TEST(LiftTaintTest, TellsWhatTheApiServerSays) {
  FakeApi api;
  api.patched = {403, R"({"kind":"Status","message":"denied: \u001b[31mnot your node"})"};
  const auto denied = LiftTaint(api.ask(), "node1", kKey);
  EXPECT_TRUE(absl::IsPermissionDenied(denied.status())) << denied.status();
  EXPECT_THAT(Message(denied.status()), HasSubstr("403: denied: \\x1b[31mnot your node"));
  api.patched = {422, "no JSON"};
  EXPECT_TRUE(absl::IsAborted(LiftTaint(api.ask(), "node1", kKey).status()));
  api.patched = {503, ""};
  EXPECT_TRUE(absl::IsUnavailable(LiftTaint(api.ask(), "node1", kKey).status()));
}

namespace asio = boost::asio;
using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

// Takes one connection on the loopback and gives one answer.
class OneAnswer {
 public:
  OneAnswer(const TlsFiles& files, std::function<void(TlsStream&)> give)
      : tls_(asio::ssl::context::tls_server),
        listener_(io_, {asio::ip::address_v4::loopback(), 0}) {
    tls_.use_certificate(asio::buffer(files.certificate), asio::ssl::context::pem);
    tls_.use_private_key(asio::buffer(files.key), asio::ssl::context::pem);
    thread_ = std::thread([this, give = std::move(give)] {
      boost::system::error_code error;
      TlsStream stream(io_, tls_);
      listener_.accept(stream.next_layer(), error);
      stream.handshake(asio::ssl::stream_base::server, error);
      if (error) return;
      asio::read_until(stream, asio::dynamic_buffer(head_), "\r\n\r\n", error);
      give(stream);
      // Closing over bytes that were not read would take the answer from the client.
      stream.next_layer().shutdown(asio::ip::tcp::socket::shutdown_send, error);
      std::array<char, 1024> rest{};
      while (!error) stream.next_layer().read_some(asio::buffer(rest), error);
    });
  }
  ~OneAnswer() {
    // Where nobody came.
    boost::system::error_code error;
    asio::ip::tcp::socket(io_).connect(listener_.local_endpoint(), error);
    Join();
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  uint16_t port() const { return listener_.local_endpoint().port(); }
  const std::string& head() const { return head_; }

 private:
  asio::io_context io_;
  asio::ssl::context tls_;
  asio::ip::tcp::acceptor listener_;
  std::string head_;
  std::thread thread_;
};

std::function<void(TlsStream&)> Say(const std::string& text) {
  return [text](TlsStream& stream) {
    boost::system::error_code error;
    asio::write(stream, asio::buffer(text), error);
  };
}

class HttpsTest : public ::testing::Test {
 protected:
  void SetUp() override { support::WriteTlsFolder(files_, dir_.File("tls")); }

  HttpsServer Server(uint16_t port) const {
    return {.address = "127.0.0.1",
            .port = port,
            .ca_file = dir_.File("tls/ca.crt"),
            .timeout = absl::Seconds(2)};
  }
  absl::StatusOr<HttpsAnswer> AskFor(const std::string& answer) const {
    OneAnswer server(files_, Say(answer));
    return AskHttps(Server(server.port()), {.method = "GET", .target = "/"});
  }

  const support::TempDir dir_;
  const support::CertificateAuthority authority_;
  const TlsFiles files_ = authority_.Issue("IP:127.0.0.1");
};

TEST_F(HttpsTest, AsksAndReadsTheAnswer) {
  OneAnswer server(files_, Say("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
  const auto answer = AskHttps(Server(server.port()), {.method = "PATCH",
                                                       .target = "/a?b=c",
                                                       .token = "t.o-k_en",
                                                       .content_type = "text/plain",
                                                       .body = "hello"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "abcde");
  server.Join();
  EXPECT_THAT(server.head(), ::testing::StartsWith("PATCH /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(server.head(), HasSubstr("\r\nAuthorization: Bearer t.o-k_en\r\n"));
  EXPECT_THAT(server.head(), HasSubstr("\r\nContent-Length: 5\r\n"));
}

TEST_F(HttpsTest, AnswersThatAreNoneEndTheRequest) {
  EXPECT_TRUE(absl::IsUnavailable(AskFor("SSH-2.0-x\r\n\r\n").status()));
  EXPECT_TRUE(absl::IsUnavailable(AskFor("").status()));
  EXPECT_TRUE(
      absl::IsUnavailable(AskFor("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nless").status()));
  EXPECT_FALSE(AskFor("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n").ok());
  EXPECT_TRUE(absl::IsOutOfRange(
      AskFor("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").status()));
  EXPECT_TRUE(absl::IsOutOfRange(AskFor("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" +
                                        std::string(kMaxHttpsBodyBytes + 1, 'x'))
                                     .status()));
}

TEST_F(HttpsTest, ASilentServerIsLeftInTime) {
  OneAnswer server(files_, [](TlsStream& stream) {
    char byte = 0;
    boost::system::error_code error;
    stream.read_some(asio::buffer(&byte, 1), error);  // until the other side has gone
  });
  const absl::Time start = absl::Now();
  const auto answer = AskHttps(Server(server.port()), {.method = "GET", .target = "/"});
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST_F(HttpsTest, AnotherAuthorityOrAnotherAddressIsNotSpokenTo) {
  for (const TlsFiles& files :
       {support::CertificateAuthority().Issue("IP:127.0.0.1"), authority_.Issue("IP:127.0.0.2"),
        authority_.Issue("kubernetes"), authority_.Issue("IP:127.0.0.1", -absl::Hours(48))}) {
    OneAnswer server(files, Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    const auto answer =
        AskHttps(Server(server.port()), {.method = "GET", .target = "/", .token = "secret"});
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
    server.Join();
    EXPECT_EQ(server.head(), "");
  }
}

TEST_F(HttpsTest, WhatCannotBeAskedIsToldAtOnce) {
  HttpsServer server = Server(1);
  EXPECT_TRUE(absl::IsUnavailable(AskHttps(server, {.method = "GET", .target = "/"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      AskHttps(server, {.method = "GET", .target = "/", .token = "a\r\nb"}).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(AskHttps(server, {.method = "GET", .target = "/a b"}).status()));
  server.address = "kubernetes.default.svc";
  EXPECT_TRUE(absl::IsInvalidArgument(AskHttps(server, {.method = "GET", .target = "/"}).status()));
  server = Server(1);
  server.ca_file = dir_.File("none");
  EXPECT_THAT(Message(AskHttps(server, {.method = "GET", .target = "/"}).status()),
              HasSubstr(server.ca_file));
}

}  // namespace
}  // namespace lighter
