// One HTTPS request to a server whose address and authority are known, as to the API server from
// within a pod.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/limits.h"

namespace lighter {

// A Node with its 50 images has some tens of KiB.
inline constexpr uint64_t kMaxHttpsBodyBytes = 4 * kMiB;

struct HttpsServer {
  std::string address;  // IP, without brackets; its certificate must carry it
  uint16_t port = 443;
  std::string ca_file;                        // PEM; read anew for each request
  absl::Duration timeout = absl::Seconds(5);  // of a whole request
};

struct HttpsRequest {
  std::string method;  // "GET"
  std::string target;  // "/api/v1/nodes/a"
  std::string token;   // for Authorization: Bearer
  std::string content_type;
  std::string body;
};

struct HttpsAnswer {
  int status = 0;
  std::string body;
};

// Makes a connection of its own (TLS 1.2 or later) and gives whatever is answered. InvalidArgument:
// the address is none, or the request's words do not fit into HTTP; Unavailable: no connection, a
// certificate of another authority or for another address, or what came is not HTTP; OutOfRange: a
// body of more than kMaxHttpsBodyBytes; DeadlineExceeded.
absl::StatusOr<HttpsAnswer> AskHttps(const HttpsServer& server, const HttpsRequest& request);

}  // namespace lighter
