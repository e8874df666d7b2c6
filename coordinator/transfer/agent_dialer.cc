#include "coordinator/transfer/agent_dialer.h"

#include <grpcpp/server_builder.h>

#include "agent/agent_service.h"
#include "common/grpc_channel.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/tls.h"

namespace lighter {

absl::StatusOr<AgentDialer> AgentDialer::FromTlsFolder(const std::string& folder) {
  absl::StatusOr<TlsFiles> files = ReadTlsFolder(folder, kCoordinatorTlsName);
  if (!files.ok()) {
    return Annotate(files.status(),
                    "the coordinator's certificate cannot be used (--tls-dir or $LIGHTER_TLS_DIR)");
  }
  AgentDialer dialer;
  dialer.credentials_ = MakeChannelCredentials(*files);
  return dialer;
}

std::shared_ptr<v1::Agent::StubInterface> AgentDialer::Dial(const std::string& host_port) const {
  return v1::Agent::NewStub(DialAgent(host_port, credentials_));
}

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
