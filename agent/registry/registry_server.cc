#include "agent/registry/registry_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/registry/http_request.h"
#include "common/status.h"

namespace lighter {
namespace {

// A pull of containerd has three downloads at once.
constexpr int kThreads = 16;
// For a client to close after its answer.
constexpr absl::Duration kFinishTimeout = absl::Seconds(1);
// After an accept that failed: out of descriptors, most likely.
constexpr int kAcceptPauseMs = 100;

const char* Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 206:
      return "Partial Content";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Service Unavailable";
  }
}

std::string Head(const RegistryAnswer& answer) {
  std::string head = absl::StrCat(
      "HTTP/1.1 ", answer.status, " ", Reason(answer.status), "\r\nDate: ",
      absl::FormatTime("%a, %d %b %E4Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone()),
      "\r\nDocker-Distribution-Api-Version: registry/2.0\r\nX-Content-Type-Options: nosniff\r\n");
  for (const auto& [name, value] : answer.headers)
    absl::StrAppend(&head, name, ": ", value, "\r\n");
  absl::StrAppend(&head, "Content-Length: ", answer.length(), "\r\nConnection: close\r\n\r\n");
  return head;
}

// To a head that was not read to its end.
RegistryAnswer Refusal(const absl::Status& read, const std::string& head) {
  if (absl::IsInvalidArgument(read)) {
    return RegistryError(400, "UNSUPPORTED", "this registry speaks plain HTTP");
  }
  return head.find("\r\n") == std::string::npos
             ? RegistryError(414, "UNSUPPORTED", "the request's target is too long")
             : RegistryError(431, "UNSUPPORTED", "the request's headers are too long");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryServer>> RegistryServer::Start(const std::string& listen,
                                                                      RegistryContent* content,
                                                                      Log log,
                                                                      const RegistryTimes& times) {
  ASSIGN_OR_RETURN(LoopbackListener listener, ListenOnLoopback(listen));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.ok()) return ErrnoStatus(errno, "eventfd");
  try {
    std::unique_ptr<RegistryServer> server(
        new RegistryServer(std::move(listener), std::move(stop), content, std::move(log), times));
    for (int i = 0; i < kThreads; ++i) {
      server->threads_.emplace_back([worker = server.get()] { worker->Work(); });
    }
    return server;
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("start threads: ", error.what()));
  }
}

RegistryServer::RegistryServer(LoopbackListener listener, UniqueFd stop, RegistryContent* content,
                               Log log, const RegistryTimes& times)
    : listen_(std::move(listener.fd)),
      stop_(std::move(stop)),
      port_(listener.port),
      content_(content),
      log_(std::move(log)),
      times_(times),
      handler_(content, std::move(listener.address), port_, log_),
      watch_(times.source) {}

RegistryServer::~RegistryServer() {
  ::eventfd_write(stop_.get(), 1);
  for (std::thread& thread : threads_) thread.join();
}

void RegistryServer::Work() {
  std::array<pollfd, 2> fds = {{{listen_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (true) {
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    UniqueFd fd(::accept4(listen_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
    // Others come where the node is set to route to its loopback (route_localnet).
    if (fd.ok() && !IsLoopback(peer)) continue;
    if (fd.ok()) {
      HttpSocket client(std::move(fd), stop_.get());
      Serve(&client);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      ::poll(&fds[1], 1, kAcceptPauseMs);
    }
  }
}

void RegistryServer::Serve(HttpSocket* client) {
  std::string head;
  const absl::Status read = client->ReadHead(kMaxHttpHeadBytes, absl::Now() + times_.head, &head);
  // Else the client is gone, or says nothing.
  if (!read.ok() && !absl::IsResourceExhausted(read) && !absl::IsInvalidArgument(read)) return;
  bool with_body = true;
  RegistryAnswer answer;
  SourceWatch::Wait wait(&watch_, client->fd());
  if (!read.ok()) {
    answer = Refusal(read, head);
  } else if (const absl::StatusOr<HttpRequest> request = ParseHttpRequest(head); !request.ok()) {
    answer = RegistryError(absl::IsOutOfRange(request.status()) ? 414 : 400, "UNSUPPORTED",
                           "the request cannot be read: " + Message(request.status()));
  } else {
    with_body = request->method != "HEAD";
    answer = handler_.Answer(*request);
  }
  const absl::Status sent = Send(answer, with_body, client, &wait);
  if (wait.given_up()) {
    log_(absl::StrCat("the registry gave up a pull: no data came for it for ",
                      absl::FormatDuration(times_.source)));
  }
  if (sent.ok()) client->Finish(absl::Now() + kFinishTimeout);
}

absl::Status RegistryServer::Send(const RegistryAnswer& answer, bool with_body, HttpSocket* client,
                                  SourceWatch::Wait* wait) {
  wait->Pause();
  std::string head = Head(answer);
  if (with_body && !answer.blob.has_value()) head += answer.body;
  RETURN_IF_ERROR(client->Write(head, times_.write));
  if (!with_body || !answer.blob.has_value() || answer.blob->length == 0) return absl::OkStatus();
  wait->Resume();
  absl::Status sent = SendBlob(*answer.blob, client, wait);
  wait->Pause();
  return sent;
}

absl::Status RegistryServer::SendBlob(const BlobPart& part, HttpSocket* client,
                                      SourceWatch::Wait* wait) {
  uint64_t left = part.length;
  absl::Status written;
  const absl::Status read =
      content_->Read(part.digest, part.offset, [&](std::string_view bytes) -> absl::Status {
        wait->Pause();
        const bool enough = bytes.size() > left || left == 0;
        const std::string_view wanted = bytes.substr(0, left);
        written = client->Write(wanted, times_.write);
        RETURN_IF_ERROR(written);
        left -= wanted.size();
        wait->Resume();
        return enough ? absl::CancelledError("the client wanted no more") : absl::OkStatus();
      });
  if (left == 0) return absl::OkStatus();
  // The client sees fewer bytes than were announced, and tries again.
  if (absl::IsDeadlineExceeded(written)) {
    log_(absl::StrCat("the registry broke off blob ", part.digest.str(), ": ", Message(written)));
  } else if (written.ok() && !wait->given_up()) {
    log_(absl::StrCat("the registry broke off blob ", part.digest.str(), ", ", left,
                      " bytes before the end: ",
                      read.ok() ? "it is shorter than it was said to be" : Message(read)));
  }
  return absl::DataLossError("the blob was not sent whole");
}

}  // namespace lighter
