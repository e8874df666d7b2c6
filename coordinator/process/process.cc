#include "coordinator/process/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"

namespace lighter {
namespace {

constexpr int kPollMs = 20;
// From SIGTERM to SIGKILL.
constexpr absl::Duration kGrace = absl::Seconds(20);

// The time in which at least one child runs: several may at once, each waited for by a thread.
class ChildClock {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    if (running_++ == 0) since_ = absl::Now();
  }
  void End() {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) spent_ += absl::Now() - since_;
  }
  absl::Duration spent() {
    const std::lock_guard lock(mutex_);
    return running_ == 0 ? spent_ : spent_ + (absl::Now() - since_);
  }

 private:
  std::mutex mutex_;
  int running_ = 0;
  absl::Time since_;  // when the first of those that run now was started
  absl::Duration spent_;
};

ChildClock& TheChildClock() {
  static ChildClock clock;
  return clock;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A file in memory that holds `text`: unlike a pipe it never makes us wait for the child to read.
absl::StatusOr<UniqueFd> InputFile(const std::string& text) {
  UniqueFd fd(text.empty() ? ::open("/dev/null", O_RDONLY | O_CLOEXEC)
                           : ::memfd_create("input", MFD_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "make a child's input");
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ErrnoStatus(errno, "write a child's input");
    done += static_cast<size_t>(n);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void ExecChild(char* const* argv, int in, int out, int err, int failure, pid_t parent,
                            bool own_session) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // the parent died before prctl
  if (own_session) ::setsid();
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (int s : {SIGTERM, SIGPIPE}) ::sigaction(s, &defaults, nullptr);
  for (int s : {SIGINT, SIGHUP}) {
    if (!IsIgnored(s)) ::sigaction(s, &defaults, nullptr);
  }
  ::dup2(in, STDIN_FILENO);
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
  // Reaps the child if it has ended. Unknown where it ended and somebody else reaped it.
  absl::StatusOr<bool> Ended(int& exit_code) {
    int status = 0;
    const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
    if (reaped < 0 && errno == ECHILD) {
      pid_ = -1;
      return absl::UnknownError("it has ended, and nobody knows how: its exit code was lost");
    }
    if (reaped != pid_) return false;
    pid_ = -1;
    exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  }

 private:
  void Wait() {
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  pid_t pid_;
};

// Moves what is readable now to `text`. False at end of file.
absl::StatusOr<bool> Drain(int fd, std::string& text, uint64_t max_bytes) {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n < 0) return ErrnoStatus(errno, "read output");
  if (n == 0) return false;
  if (text.size() + static_cast<size_t>(n) > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", max_bytes, " bytes of output"));
  }
  text.append(buffer.data(), static_cast<size_t>(n));
  return true;
}

// One pipe from the child, read without blocking until it closes.
class Output {
 public:
  Output(UniqueFd fd, uint64_t max_bytes) : fd_(std::move(fd)), max_bytes_(max_bytes) {
    if (fd_.ok()) ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  }
  pollfd Poll() const { return {fd_.get(), POLLIN, 0}; }
  absl::Status Read() {
    ASSIGN_OR_RETURN(const bool open, Drain(fd_.get(), text_, max_bytes_));
    if (!open) fd_.reset();
    return absl::OkStatus();
  }
  // What is there now, without waiting for a grandchild that keeps the pipe open.
  absl::Status ReadRest() {
    for (size_t before = text_.size() + 1; fd_.ok() && before != text_.size();) {
      before = text_.size();
      RETURN_IF_ERROR(Read());
    }
    return absl::OkStatus();
  }
  std::string Take() { return std::move(text_); }

 private:
  UniqueFd fd_;
  uint64_t max_bytes_;
  std::string text_;
};

// When a child is told to end, and by what.
class Stopper {
 public:
  Stopper(const std::string& program, const ProcessOptions& options)
      : program_(program),
        options_(options),
        deadline_(absl::Now() + options.timeout),
        stops_before_(StopSignalCount()) {}

  // Signals `child` when it is time. OK while it may run on.
  const absl::Status& Check(const Child& child) {
    if (!reason_.ok()) {
      if (!options_.own_session && absl::Now() > kill_at_) child.Signal(SIGKILL);
      return reason_;
    }
    if (StopSignalCount() - stops_before_ > StopsAllowed(options_)) {
      reason_ = absl::CancelledError(program_ + " was stopped on request");
    } else if (absl::Now() > deadline_) {
      reason_ = absl::DeadlineExceededError(
          absl::StrCat(program_, " gave no answer in ", absl::FormatDuration(options_.timeout)));
    }
    if (!reason_.ok()) {
      child.Signal(SIGTERM);
      kill_at_ = absl::Now() + kGrace;
    }
    return reason_;
  }
  const absl::Status& reason() const { return reason_; }

  // How many stop signals a child with these options outlives.
  static int StopsAllowed(const ProcessOptions& options) { return options.own_session ? 1 : 0; }

 private:
  const std::string& program_;
  const ProcessOptions& options_;
  const absl::Time deadline_;
  const int stops_before_;
  absl::Status reason_;
  absl::Time kill_at_ = absl::InfiniteFuture();
};

// The last part of a log, from `from` on.
std::string Tail(const std::string& path, uint64_t from) {
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(path);
  if (!file.ok() || file->size() <= from) return "";
  const uint64_t size = std::min(file->size() - from, 64 * kKiB);
  return file->ReadAt(file->size() - size, size).value_or("");
}

// The number of the error that kept the child from starting; 0 when it started.
int ExecError(int fd) {
  int error = 0;
  ssize_t n = 0;
  do {
    n = ::read(fd, &error, sizeof error);
  } while (n < 0 && errno == EINTR);
  return n == sizeof error ? error : 0;
}

}  // namespace

absl::Duration ChildTime() { return TheChildClock().spent(); }

absl::StatusOr<ProcessResult> RunProcess(const std::vector<std::string>& argv,
                                         const ProcessOptions& options) {
  if (StopSignalCount() - AcknowledgedStops() > Stopper::StopsAllowed(options)) {
    return absl::CancelledError(argv[0] + " was not started: stopped on request");
  }
  TheChildClock().Begin();
  const auto count_time = absl::MakeCleanup([] { TheChildClock().End(); });
  ASSIGN_OR_RETURN(const UniqueFd in, InputFile(options.input));
  ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  Pipe out;
  Pipe err;
  uint64_t log_start = 0;
  if (options.log_path.empty()) {
    ASSIGN_OR_RETURN(out, MakePipe());
    ASSIGN_OR_RETURN(err, MakePipe());
  } else {
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    out.write = UniqueFd(::open(options.log_path.c_str(), flags, 0600));
    err.write = UniqueFd(::dup(out.write.get()));
    if (!out.write.ok() || !err.write.ok()) return ErrnoStatus(errno, "open " + options.log_path);
    log_start = static_cast<uint64_t>(::lseek(out.write.get(), 0, SEEK_END));
  }

  std::vector<char*> raw;
  raw.reserve(argv.size() + 1);
  for (const std::string& arg : argv) raw.push_back(const_cast<char*>(arg.c_str()));
  raw.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) {
    ExecChild(raw.data(), in.get(), out.write.get(), err.write.get(), failure.write.get(), parent,
              options.own_session);
  }
  Child child(pid);
  for (Pipe* pipe : {&out, &err, &failure}) pipe->write.reset();
  if (const int error = ExecError(failure.read.get()); error != 0) {
    return ErrnoStatus(error, "run " + argv[0]);
  }

  Output out_text(std::move(out.read), options.max_output_bytes);
  Output err_text(std::move(err.read), options.max_output_bytes);
  Stopper stopper(argv[0], options);
  ProcessResult result;
  while (true) {
    const absl::StatusOr<bool> ended = child.Ended(result.exit_code);
    if (!ended.ok()) return Annotate(ended.status(), argv[0]);
    if (*ended) break;
    std::array<pollfd, 2> fds = {out_text.Poll(), err_text.Poll()};
    if (::poll(fds.data(), fds.size(), kPollMs) < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "poll");
    }
    if (fds[0].revents != 0) RETURN_IF_ERROR(out_text.Read());
    if (fds[1].revents != 0) RETURN_IF_ERROR(err_text.Read());
    stopper.Check(child).IgnoreError();
  }
  RETURN_IF_ERROR(out_text.ReadRest());
  RETURN_IF_ERROR(err_text.ReadRest());
  // One that changes a release and has done so has done so, however late it was asked to end.
  const bool is_done = options.own_session && result.exit_code == 0;
  if (!is_done) RETURN_IF_ERROR(stopper.reason());
  result.out = out_text.Take();
  result.err = options.log_path.empty() ? err_text.Take() : Tail(options.log_path, log_start);
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
