// What the sample platform's containers run: `app` says its version and waits for SIGTERM; `app
// --check` succeeds where the version file is there (readiness), `app --fail` never does, and `app
// --sleep=SECONDS` ends well after that time. Everything else is ignored, e.g. --helper-image=NAME,
// which stands for operators that start other images.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace {

constexpr char kSleep[] = "--sleep=";

extern "C" void Stop(int) { _exit(0); }

// Copies /version to standard output; false where that fails.
bool PrintVersion() {
  char text[256];
  const int fd = open("/version", O_RDONLY | O_CLOEXEC);
  const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
  return size > 0 && write(STDOUT_FILENO, text, static_cast<size_t>(size)) == size;
}

}  // namespace

int main(int argc, char** argv) {
  // As process 1 of a container it gets only the signals that it has a handler for.
  struct sigaction action = {};
  action.sa_handler = Stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  if (!PrintVersion()) return 1;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--check") == 0) return 0;
    if (strcmp(argv[i], "--fail") == 0) return 1;
    if (strncmp(argv[i], kSleep, strlen(kSleep)) == 0) {
      sleep(static_cast<unsigned>(atoi(argv[i] + strlen(kSleep))));
      return 0;
    }
  }
  while (true) pause();
}
