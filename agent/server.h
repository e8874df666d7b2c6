// The agent as a server: where it listens, with which certificate, and what it withstands.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/agent_service.h"

namespace lighter {

struct ServerOptions {
  std::string listen;        // "ADDRESS:PORT", mutual TLS; "unix:PATH", in the clear, mode 0600
  std::string tls_dir;       // with an address: a TLS folder from outside, or
  std::string state_dir;     // the agent's own (agent/identity.h), waited for until it is usable
  std::string member_dir;    // with state_dir: the members' TLS folder; may be empty
  std::string desired_file;  // with state_dir: the mounted desired list; may be empty
  std::string registry;      // with state_dir: loopback "ADDRESS:PORT" of the node's own registry
  // With registry: names of registries whose pulls are to ask it first, and config_path of
  // containerd's CRI.
  std::vector<std::string> mirrors;
  std::string mirror_dir;
  std::string held_file;      // with state_dir: see HeldFile; may be empty
  std::string expected_root;  // containerd's, see CheckRoot; empty: not checked
  AgentOptions agent;         // with its `log`
};

// Serves until SIGTERM or SIGINT. Call it before any thread is started: it blocks these signals.
// InvalidArgument for options that do not go together; Unavailable where it cannot listen; those of
// CheckRoot.
absl::Status Serve(ServerOptions options);

}  // namespace lighter
