#include "coordinator/process/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr int kPollMs = 100;
// From SIGTERM to SIGKILL; Helm marks its release as failed in this time.
constexpr absl::Duration kGrace = absl::Seconds(20);

std::atomic<int64_t> child_nanoseconds{0};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void ExecChild(char* const* argv, int out, int err, int failure, pid_t parent,
                            bool own_session) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // the parent died before prctl
  if (own_session) ::setsid();
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (int s : {SIGINT, SIGTERM, SIGPIPE}) ::sigaction(s, &defaults, nullptr);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (null_fd >= 0) ::dup2(null_fd, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execvp(argv[0], argv);
  const int error = errno;
  // The parent learns why through the close-on-exec pipe; there is nobody else to tell.
  [[maybe_unused]] const ssize_t n = ::write(failure, &error, sizeof error);
  ::_exit(127);
}

// A running child; killed and reaped when it goes out of scope.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      Wait();
    }
  }
  void Signal(int number) const { ::kill(pid_, number); }
  int Wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

// Moves what is readable to `text` and the log. False at end of file.
absl::StatusOr<bool> Drain(int fd, std::string& text, int log_fd, uint64_t max_bytes) {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0 && errno == EINTR) return true;
  if (n < 0) return ErrnoStatus(errno, "read output");
  if (n == 0) return false;
  if (log_fd >= 0 && ::write(log_fd, buffer.data(), static_cast<size_t>(n)) != n) {
    return ErrnoStatus(errno, "write the log");
  }
  if (text.size() + static_cast<size_t>(n) > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", max_bytes, " bytes of output"));
  }
  text.append(buffer.data(), static_cast<size_t>(n));
  return true;
}

}  // namespace

absl::Duration ChildTime() { return absl::Nanoseconds(child_nanoseconds.load()); }

absl::StatusOr<ProcessResult> RunProcess(const std::vector<std::string>& argv,
                                         const ProcessOptions& options) {
  auto count_time = absl::MakeCleanup([start = absl::Now()] {
    child_nanoseconds += absl::ToInt64Nanoseconds(absl::Now() - start);
  });
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());
  ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  UniqueFd log;
  if (!options.log_path.empty()) {
    log =
        UniqueFd(::open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log.ok()) return ErrnoStatus(errno, "open " + options.log_path);
  }

  std::vector<char*> raw;
  for (const std::string& arg : argv) raw.push_back(const_cast<char*>(arg.c_str()));
  raw.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) {
    ExecChild(raw.data(), out.write.get(), err.write.get(), failure.write.get(), parent,
              options.own_session);
  }
  Child child(pid);
  out.write.reset();
  err.write.reset();
  failure.write.reset();
  int exec_error = 0;
  if (::read(failure.read.get(), &exec_error, sizeof exec_error) == sizeof exec_error) {
    return ErrnoStatus(exec_error, "run " + argv[0]);
  }

  const absl::Time deadline = absl::Now() + options.timeout;
  const int stops_before = StopSignalCount();
  const int stops_allowed = options.own_session ? 1 : 0;
  absl::Status stopped;  // why the child was told to end; OK while it was not
  absl::Time kill_at = absl::InfiniteFuture();
  ProcessResult result;
  bool out_open = true;
  bool err_open = true;
  while (out_open || err_open) {
    std::array<pollfd, 2> fds = {pollfd{out_open ? out.read.get() : -1, POLLIN, 0},
                                 pollfd{err_open ? err.read.get() : -1, POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), kPollMs) < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "poll");
    }
    if (fds[0].revents != 0) {
      ASSIGN_OR_RETURN(out_open,
                       Drain(out.read.get(), result.out, log.get(), options.max_output_bytes));
    }
    if (fds[1].revents != 0) {
      ASSIGN_OR_RETURN(err_open,
                       Drain(err.read.get(), result.err, log.get(), options.max_output_bytes));
    }
    if (!stopped.ok()) {
      if (absl::Now() > kill_at) child.Signal(SIGKILL);
      continue;
    }
    if (StopSignalCount() - stops_before > stops_allowed) {
      stopped = absl::CancelledError(argv[0] + " was stopped on request");
    } else if (absl::Now() > deadline) {
      stopped = absl::DeadlineExceededError(
          absl::StrCat(argv[0], " gave no answer in ", absl::FormatDuration(options.timeout)));
    }
    if (!stopped.ok()) {
      child.Signal(SIGTERM);
      kill_at = absl::Now() + kGrace;
    }
  }
  result.exit_code = child.Wait();
  if (!stopped.ok()) return stopped;
  return result;
}

std::string ShellQuoted(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& arg : argv) {
    if (!line.empty()) line += ' ';
    const bool plain = !arg.empty() && arg.find_first_not_of(
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789_-+=./:,@%") == std::string::npos;
    if (plain) {
      line += arg;
      continue;
    }
    line += '\'';
    for (char c : arg) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace lighter
