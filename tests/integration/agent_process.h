// The real lighter-agent program over mutual TLS, and the certificates for it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lighter/v1/agent.grpc.pb.h"
#include "tests/integration/child_process.h"
#include "tests/support/temp_dir.h"

namespace lighter::testing {

// A certificate authority in a folder of its own.
class TestCa {
 public:
  // Ends the test program where openssl cannot do it.
  TestCa();

  // A TLS folder (ca.crt, tls.crt, tls.key) for this DNS name.
  std::string Issue(const std::string& dns_name) const;
  const support::TempDir& folder() const { return folder_; }

 private:
  support::TempDir folder_;
};

class AgentProcess {
 public:
  // Starts lighter-agent with these flags and waits until it listens. Unavailable, with its output,
  // where it ends instead.
  static absl::StatusOr<std::unique_ptr<AgentProcess>> Start(const std::vector<std::string>& flags);
  // Starts it and waits for nothing; AwaitListening does the rest.
  static absl::StatusOr<std::unique_ptr<AgentProcess>> Launch(
      const std::vector<std::string>& flags);
  absl::Status AwaitListening();
  // Waits until its output contains `text`.
  absl::Status AwaitLog(const std::string& text);

  // "127.0.0.1:PORT" with the port that it got.
  const std::string& address() const { return address_; }
  std::string log() const;
  void Kill() { process_.Kill(); }
  ChildProcess& process() { return process_; }

 private:
  AgentProcess() = default;

  support::TempDir folder_;
  ChildProcess process_;
  std::string address_;
};

// A client of the agent at `address` with the certificate in `tls_folder`.
std::unique_ptr<v1::Agent::Stub> DialWith(const std::string& tls_folder,
                                          const std::string& address);

}  // namespace lighter::testing
