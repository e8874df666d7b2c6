// How the coordinator reaches agents: over mutual TLS, or one inside this very process.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Dials agents with the coordinator's certificate. Thread-safe.
class AgentDialer {
 public:
  // Errors name the file that is missing or not usable; see ReadTlsFolder.
  static absl::StatusOr<AgentDialer> FromTlsFolder(const std::string& folder);

  std::shared_ptr<v1::Agent::StubInterface> Dial(const std::string& host_port) const;

 private:
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
};

// An agent over this machine's containerd, in this process; no socket is opened for it.
class LocalAgent {
 public:
  explicit LocalAgent(const std::string& containerd_socket);
  ~LocalAgent();

  std::shared_ptr<v1::Agent::StubInterface> stub() const { return stub_; }

 private:
  std::unique_ptr<v1::Agent::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<v1::Agent::StubInterface> stub_;
};

}  // namespace lighter
