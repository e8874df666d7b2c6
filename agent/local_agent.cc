#include "agent/local_agent.h"

#include <grpcpp/server_builder.h>

#include <chrono>

#include "common/limits.h"

namespace lighter {

LocalAgent::LocalAgent(AgentOptions options) {
  options.require_coordinator_certificate = false;
  service_ = MakeAgentService(options);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  stub_ = v1::Agent::NewStub(server_->InProcessChannel({}));
}

LocalAgent::~LocalAgent() { server_->Shutdown(std::chrono::system_clock::now()); }

}  // namespace lighter
