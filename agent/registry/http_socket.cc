#include "agent/registry/http_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kMaxPoll = absl::Minutes(1);
constexpr std::string_view kEndOfHead = "\r\n\r\n";

absl::Status Gone(int error, std::string_view doing) {
  return absl::UnavailableError(Message(ErrnoStatus(error, doing)));
}

}  // namespace

absl::Status HttpSocket::Await(short events, absl::Time deadline) {
  std::array<pollfd, 2> fds = {{{fd(), events, 0}, {stop_fd_, POLLIN, 0}}};
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("the client is too slow");
    // Rounded up, so that the last wait does not spin.
    const int64_t ms = absl::ToInt64Milliseconds(std::min(left, kMaxPoll)) + 1;
    const int n = ::poll(fds.data(), fds.size(), static_cast<int>(ms));
    if (n < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (n <= 0) continue;
    if (fds[1].revents != 0) return absl::CancelledError("the agent is stopping");
    if (fds[0].revents != 0) return absl::OkStatus();  // of an error, the next call tells
  }
}

absl::StatusOr<size_t> HttpSocket::ReadSome(char* buffer, size_t size, absl::Time deadline) {
  while (true) {
    RETURN_IF_ERROR(Await(POLLIN, deadline));
    const ssize_t n = ::recv(fd(), buffer, size, 0);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR && errno != EAGAIN) return Gone(errno, "read from the client");
  }
}

absl::Status HttpSocket::ReadHead(size_t max_bytes, absl::Time deadline, std::string* head) {
  std::array<char, 4096> buffer{};
  while (true) {
    const size_t searched = head->size();
    ASSIGN_OR_RETURN(const size_t n, ReadSome(buffer.data(), buffer.size(), deadline));
    if (n == 0) return absl::UnavailableError("the client went away");
    head->append(buffer.data(), n);
    // containerd 2 tries TLS on the loopback, and plain HTTP once it is answered in that.
    if (!absl::ascii_isalpha(head->front())) {
      return absl::InvalidArgumentError("it does not begin as HTTP/1 does");
    }
    const size_t from = searched < kEndOfHead.size() ? 0 : searched - kEndOfHead.size();
    const size_t end = head->find(kEndOfHead, from);
    if (end != std::string::npos && end + kEndOfHead.size() <= max_bytes) {
      head->resize(end + kEndOfHead.size());
      return absl::OkStatus();
    }
    if (head->size() >= max_bytes) return absl::ResourceExhaustedError("the head is too long");
  }
}

absl::Status HttpSocket::Write(std::string_view bytes, absl::Duration patience) {
  while (!bytes.empty()) {
    RETURN_IF_ERROR(Await(POLLOUT, absl::Now() + patience));
    const ssize_t n = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR && errno != EAGAIN) {
      return Gone(errno, "write to the client");
    }
  }
  return absl::OkStatus();
}

void HttpSocket::Finish(absl::Time deadline) {
  ::shutdown(fd(), SHUT_WR);
  std::array<char, 4096> dropped{};
  while (true) {
    const absl::StatusOr<size_t> n = ReadSome(dropped.data(), dropped.size(), deadline);
    if (!n.ok() || *n == 0) return;
  }
}

}  // namespace lighter
