// Programs that a test starts: each dies with the test, whatever happens to it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter::testing {

// A program in the background. Its output goes to a file.
class ChildProcess {
 public:
  // `environment`: entries "NAME=value" beside those of the test itself.
  static absl::StatusOr<ChildProcess> Start(const std::vector<std::string>& argv,
                                            const std::string& log_path,
                                            const std::vector<std::string>& environment = {});
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess() { Stop(); }  // SIGTERM, after ten seconds SIGKILL

  bool running();
  void Stop();
  void Signal(int signal);
  void Kill();  // SIGKILL, and waits until it is gone
  // Waits for the program to end by itself; its exit code, -1 after a signal.
  int Wait();

 private:
  pid_t pid_ = -1;
};

struct CommandResult {
  int exit_code = -1;
  std::string output;  // standard output and standard error
};

// Runs a program to its end.
CommandResult RunCommand(const std::vector<std::string>& argv);

}  // namespace lighter::testing
