// The head of an HTTP request, as far as the registry reads it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/limits.h"

namespace lighter {

// Request line and headers; and the request line's target alone. Names have 255 characters at most.
inline constexpr size_t kMaxHttpHeadBytes = 16 * kKiB;
inline constexpr size_t kMaxHttpTargetBytes = 4 * kKiB;

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // "/v2/", as it was sent
  std::string host;    // in lower case; empty where there is none
  std::string range;   // empty where there is none
};

// Parses everything up to the empty line, which must be there. InvalidArgument for what is not
// HTTP/1 or has two hosts, OutOfRange for a longer target.
absl::StatusOr<HttpRequest> ParseHttpRequest(std::string_view head);

}  // namespace lighter
