// Takes a startup taint off this node once the agent beside it says that the node holds all that it
// should (agent/desired/held_file.h). A process of its own, so that the agent needs no token.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/taint/https.h"

namespace lighter {

struct TaintLifterOptions {
  std::string key;                                                            // of the taint
  std::string node;                                                           // this node's name
  std::string held_file;                                                      // is waited for
  std::string account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";  // token, ca.crt
  std::string api_address;                                                    // the API server's IP
  uint16_t api_port = 443;
  std::function<void(const std::string&)> log;
};

// How a request (without its token) reaches the API server.
using AskApi = std::function<absl::StatusOr<HttpsAnswer>(HttpsRequest)>;

// One look at `node`, and the change where it has a taint with `key`; whether it had one. Aborted
// where somebody else changed the taints at the same time; PermissionDenied, with the API server's
// words; other errors as of `ask`, or Unavailable.
absl::StatusOr<bool> LiftTaint(const AskApi& ask, const std::string& node, const std::string& key);

// Does so as often as the held file comes or changes, and every 30 s while it is there: a node that
// is registered anew has its taint again. Until SIGTERM or SIGINT; call it before any thread is
// started. An API server that cannot be reached or refuses is told to `log` and asked again.
void LiftTaints(const TaintLifterOptions& options);

}  // namespace lighter
