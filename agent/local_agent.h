// An agent over this machine's containerd, in this process; no socket is opened for it.
#pragma once

#include <grpcpp/server.h>

#include <memory>

#include "agent/agent_service.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Its loads and those of others on this node exclude each other (load_gate.h).
class LocalAgent {
 public:
  // `options` as of a service for the network, but for the certificate: nobody shows one here.
  explicit LocalAgent(AgentOptions options);
  ~LocalAgent();

  std::shared_ptr<v1::Agent::StubInterface> stub() const { return stub_; }

 private:
  std::unique_ptr<v1::Agent::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<v1::Agent::StubInterface> stub_;
};

}  // namespace lighter
