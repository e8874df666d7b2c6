#include "agent/taint/https.h"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = beast::error_code;

constexpr uint32_t kMaxHeadBytes = 64 * kKiB;

// Words of a request's head: nothing that could end a line.
bool IsPlain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isgraph(c); });
}

// Asio's own names of errors are no names of ours.
absl::Status ToStatus(const Error& error, const std::string& doing) {
  if (!error) return absl::OkStatus();
  const std::string words = absl::StrCat(doing, ": ", error.message());
  if (error == beast::error::timeout) return absl::DeadlineExceededError(words);
  if (error == http::error::body_limit) return absl::OutOfRangeError(words);
  return absl::UnavailableError(words);
}

// One connection, with one deadline for all that is done on it.
class Connection {
 public:
  // May throw, as Asio does where OpenSSL or the machine has nothing to give.
  Connection(const HttpsServer& server, const std::string& peer)
      : server_(server), peer_(peer), tls_(asio::ssl::context::tls_client), stream_(io_, tls_) {}

  absl::Status Open();
  absl::StatusOr<HttpsAnswer> Ask(const HttpsRequest& request);

 private:
  // Starts one operation and waits until it has ended.
  template <typename Start>
  absl::Status Await(const std::string& doing, Start start) {
    Error result;
    start([&result](const Error& error, auto&&...) { result = error; });
    io_.restart();
    io_.run();
    return ToStatus(result, doing);
  }

  const HttpsServer& server_;
  const std::string& peer_;
  asio::io_context io_;
  asio::ssl::context tls_;
  asio::ssl::stream<beast::tcp_stream> stream_;
};

absl::Status Connection::Open() {
  Error error;
  const asio::ip::address address = asio::ip::make_address(server_.address, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("\"", server_.address, "\" is no IP address"));
  }
  SSL* const ssl = stream_.native_handle();
  X509_STORE* const authorities = SSL_CTX_get_cert_store(tls_.native_handle());
  if (X509_STORE_load_file(authorities, server_.ca_file.c_str()) != 1) {
    return absl::UnavailableError("no certificates can be read from " + server_.ca_file);
  }
  if (SSL_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_.address.c_str()) != 1) {
    return absl::InternalError("OpenSSL does not take the settings of a connection");
  }
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  stream_.next_layer().expires_after(absl::ToChronoMilliseconds(server_.timeout));
  RETURN_IF_ERROR(Await("connect to " + peer_, [&](auto done) {
    stream_.next_layer().async_connect(asio::ip::tcp::endpoint(address, server_.port), done);
  }));
  absl::Status shaken = Await("TLS with " + peer_, [&](auto done) {
    stream_.async_handshake(asio::ssl::stream_base::client, done);
  });
  const long verified = SSL_get_verify_result(ssl);
  if (shaken.ok() || verified == X509_V_OK) return shaken;
  return Annotate(shaken, X509_verify_cert_error_string(verified));
}

absl::StatusOr<HttpsAnswer> Connection::Ask(const HttpsRequest& request) {
  http::request<http::string_body> message;
  message.method_string(request.method);
  message.target(request.target);
  message.version(11);
  message.set(http::field::host, peer_);
  message.set(http::field::connection, "close");
  message.set(http::field::accept, "application/json");
  if (!request.token.empty()) message.set(http::field::authorization, "Bearer " + request.token);
  if (!request.content_type.empty()) message.set(http::field::content_type, request.content_type);
  message.body() = request.body;
  message.prepare_payload();
  RETURN_IF_ERROR(
      Await("write to " + peer_, [&](auto done) { http::async_write(stream_, message, done); }));

  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxHeadBytes);
  parser.body_limit(kMaxHttpsBodyBytes);
  beast::flat_buffer buffer(kMaxHeadBytes);
  RETURN_IF_ERROR(Await("read from " + peer_,
                        [&](auto done) { http::async_read(stream_, buffer, parser, done); }));
  http::response<http::string_body> answer = parser.release();
  return HttpsAnswer{static_cast<int>(answer.result_int()), std::move(answer.body())};
}

}  // namespace

absl::StatusOr<HttpsAnswer> AskHttps(const HttpsServer& server, const HttpsRequest& request) {
  for (const std::string* words : {&request.method, &request.target, &request.token}) {
    if (!IsPlain(*words))
      return absl::InvalidArgumentError("a request with unprintable characters");
  }
  const bool ipv6 = server.address.find(':') != std::string::npos;
  const std::string peer = ipv6 ? absl::StrCat("[", server.address, "]:", server.port)
                                : absl::StrCat(server.address, ":", server.port);
  try {
    Connection connection(server, peer);
    RETURN_IF_ERROR(connection.Open());
    return connection.Ask(request);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("ask ", peer, ": ", error.what()));
  }
}

}  // namespace lighter
