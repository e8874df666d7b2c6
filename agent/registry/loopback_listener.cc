#include "agent/registry/loopback_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr uint32_t kLoopbackNet = 127;  // the first byte of 127.0.0.0/8

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// False where `host` is no literal address of the loopback.
bool Resolve(const std::string& host, uint16_t port, Address* address) {
  if (host == "[::1]") {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    std::memcpy(&address->storage, &v6, sizeof(v6));
    address->size = sizeof(v6);
    return true;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return false;
  std::memcpy(&address->storage, &v4, sizeof(v4));
  address->size = sizeof(v4);
  return ntohl(v4.sin_addr.s_addr) >> 24 == kLoopbackNet;
}

int PortOf(const Address& address) {
  if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof(v6));
    return ntohs(v6.sin6_port);
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address.storage, sizeof(v4));
  return ntohs(v4.sin_port);
}

}  // namespace

absl::StatusOr<LoopbackListener> ListenOnLoopback(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  const std::string host = listen.substr(0, colon);
  uint32_t port = 0;
  Address address;
  if (colon == std::string::npos || !absl::SimpleAtoi(listen.substr(colon + 1), &port) ||
      port > UINT16_MAX || !Resolve(host, static_cast<uint16_t>(port), &address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the registry cannot listen on \"", listen,
                     "\": it wants an address of the loopback, such as 127.0.0.1:7444"));
  }
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return ErrnoStatus(errno, "socket");
  // Connections of an agent before this one may still be dying on that port.
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(fd.get(), address.get(), &address.size) != 0) {
    return absl::UnavailableError(absl::StrCat("the registry cannot listen on ", listen, ": ",
                                               Message(ErrnoStatus(errno, "bind"))));
  }
  return LoopbackListener{std::move(fd), host, PortOf(address)};
}

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof(v4));
  return address.ss_family == AF_INET && ntohl(v4.sin_addr.s_addr) >> 24 == kLoopbackNet;
}

}  // namespace lighter
