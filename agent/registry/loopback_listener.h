// A listening socket on the node's loopback.
#pragma once

#include <sys/socket.h>

#include <string>

#include "absl/status/statusor.h"
#include "common/file.h"

namespace lighter {

struct LoopbackListener {
  UniqueFd fd;          // non-blocking
  std::string address;  // as in a URL: "127.0.0.1", "[::1]"
  int port = 0;         // the one that was taken
};

// `listen` is "ADDRESS:PORT" with a literal address of 127.0.0.0/8 or "[::1]"; port 0 takes any.
// InvalidArgument for any other address, Unavailable where another program listens there.
absl::StatusOr<LoopbackListener> ListenOnLoopback(const std::string& listen);

// Whether a peer's address is 127.0.0.0/8 or ::1.
bool IsLoopback(const sockaddr_storage& address);

}  // namespace lighter
