// One connection of a client: reads and writes that end, whatever the other side does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/file.h"

namespace lighter {

// Not thread-safe, but for `fd`, which another thread may shut down.
class HttpSocket {
 public:
  // Takes `fd`, which must be non-blocking. Once `stop_fd` (not owned) can be read, everything ends
  // with Cancelled.
  HttpSocket(UniqueFd fd, int stop_fd) : fd_(std::move(fd)), stop_fd_(stop_fd) {}

  int fd() const { return fd_.get(); }

  // Reads up to and with the first empty line. ResourceExhausted where it is not within
  // `max_bytes`, InvalidArgument as soon as it cannot be HTTP/1, DeadlineExceeded, or Unavailable
  // where the client went away first. `*head` then has what came; what follows the empty line is
  // dropped.
  absl::Status ReadHead(size_t max_bytes, absl::Time deadline, std::string* head);

  // Writes all of it. DeadlineExceeded where the client takes nothing for `patience`.
  absl::Status Write(std::string_view bytes, absl::Duration patience);

  // Says that nothing more will come and waits until the client has closed, too, or the deadline:
  // closing over bytes that were not read would take from it what it has not read yet.
  void Finish(absl::Time deadline);

 private:
  // 0 at the end.
  absl::StatusOr<size_t> ReadSome(char* buffer, size_t size, absl::Time deadline);
  // Until `events` are possible.
  absl::Status Await(short events, absl::Time deadline);

  const UniqueFd fd_;
  const int stop_fd_;
};

}  // namespace lighter
