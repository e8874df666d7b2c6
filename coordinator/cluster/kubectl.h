// The user's own kubectl as a child process. The only place where it is run.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace lighter {

struct KubectlOptions {
  std::string binary = "kubectl";
  std::string kubeconfig;  // empty: kubectl's own default
  std::string context;     // empty: the current one
};

struct KubectlCall {
  std::string input;                                   // kubectl's stdin
  absl::Duration timeout = absl::Minutes(1);           // of the whole process
  absl::Duration request_timeout = absl::Seconds(10);  // of one request; zero: none
  bool outlives_stop = false;  // one stop signal, before or while it runs, does not end it
};

// What kubectl printed on stdout, and how it ended: after an object that fails it goes on with the
// others.
struct KubectlAnswer {
  absl::Status status;
  std::string out;
};

// Thread-safe; every call runs one kubectl process and waits for it (see RunProcess for the thread
// that may call). Errors: NotFound (no kubectl), Unavailable (API server not reachable, with the
// server's address), Aborted (kubectl failed; its words), DeadlineExceeded, Cancelled.
class Kubectl {
 public:
  explicit Kubectl(KubectlOptions options) : options_(std::move(options)) {}

  // What kubectl prints on stdout when it is run with `args`.
  absl::StatusOr<std::string> Run(const std::vector<std::string>& args,
                                  const KubectlCall& call = {}) const;
  // The same, with what it printed before it failed.
  KubectlAnswer RunAll(const std::vector<std::string>& args, const KubectlCall& call = {}) const;

 private:
  KubectlOptions options_;
};

// "Conflict" of "... Error from server (Conflict): ...", which Run returned; empty where the server
// gave no reason.
std::string ServerReason(const absl::Status& status);

}  // namespace lighter
