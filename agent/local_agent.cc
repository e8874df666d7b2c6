#include "agent/local_agent.h"

#include <grpcpp/server_builder.h>

#include <chrono>

#include "agent/agent_service.h"
#include "common/limits.h"

namespace lighter {

LocalAgent::LocalAgent(const std::string& containerd_socket)
    : service_(MakeAgentService({.containerd_socket = containerd_socket,
                                 .node_name = "localhost",
                                 .require_coordinator_certificate = false})) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  stub_ = v1::Agent::NewStub(server_->InProcessChannel({}));
}

LocalAgent::~LocalAgent() { server_->Shutdown(std::chrono::system_clock::now()); }

}  // namespace lighter
