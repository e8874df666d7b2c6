#include "agent/registry/http_request.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

namespace http = boost::beast::http;

std::string Text(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<HttpRequest> ParseHttpRequest(std::string_view head) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHttpHeadBytes);
  parser.eager(false);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error) return absl::InvalidArgumentError("it is not HTTP/1: " + error.message());
  if (!parser.is_header_done()) return absl::InvalidArgumentError("its head is not whole");

  const auto& message = parser.get();
  if (message.count(http::field::host) > 1) {
    return absl::InvalidArgumentError("it has more than one Host");
  }
  if (message.target().size() > kMaxHttpTargetBytes) {
    return absl::OutOfRangeError(
        absl::StrCat("its target has more than ", kMaxHttpTargetBytes, " bytes"));
  }
  return HttpRequest{Text(message.method_string()), Text(message.target()),
                     absl::AsciiStrToLower(Text(message[http::field::host])),
                     Text(message[http::field::range])};
}

}  // namespace lighter
