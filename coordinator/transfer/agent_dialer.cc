#include "coordinator/transfer/agent_dialer.h"

#include "common/grpc_channel.h"
#include "common/status.h"
#include "common/tls.h"

namespace lighter {

absl::StatusOr<AgentDialer> AgentDialer::FromTlsFolder(const std::string& folder) {
  absl::StatusOr<TlsFiles> files = ReadTlsFolder(folder, {std::string(kCoordinatorTlsName)});
  if (!files.ok()) {
    return Annotate(files.status(),
                    "the coordinator's certificate cannot be used (--tls-dir or $LIGHTER_TLS_DIR)");
  }
  AgentDialer dialer;
  dialer.credentials_ = MakeChannelCredentials(*files);
  return dialer;
}

absl::StatusOr<AgentDialer> AgentDialer::FromAuthority(const Authority& authority) {
  TlsFiles files;
  files.ca = authority.certificate;
  ASSIGN_OR_RETURN(files.key, MakeKey());
  ASSIGN_OR_RETURN(const std::string request, MakeRequest(files.key));
  ASSIGN_OR_RETURN(files.certificate,
                   IssueCertificate(authority, request, {std::string(kCoordinatorTlsName)},
                                    kRunCertificateLifetime));
  AgentDialer dialer;
  dialer.credentials_ = MakeChannelCredentials(files);
  dialer.names_nodes_ = true;
  return dialer;
}

std::shared_ptr<v1::Agent::StubInterface> AgentDialer::Dial(const std::string& node,
                                                            const std::string& host_port) const {
  const std::string tls_name = names_nodes_ ? NodeTlsName(node) : std::string(kAgentTlsName);
  return v1::Agent::NewStub(DialAgent(host_port, credentials_, tls_name));
}

}  // namespace lighter
