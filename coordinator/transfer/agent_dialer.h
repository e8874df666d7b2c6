// How the coordinator reaches agents over mutual TLS.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/pki.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Dials agents with the coordinator's certificate. Thread-safe.
class AgentDialer {
 public:
  // With a site's own certificates. Errors name the file that is missing or not usable; see
  // ReadTlsFolder.
  static absl::StatusOr<AgentDialer> FromTlsFolder(const std::string& folder);

  // With the authority of `lighter agent install`: a key and a certificate for a week are made for
  // this dialer alone, in memory. Errors are those of IssueCertificate.
  static absl::StatusOr<AgentDialer> FromAuthority(const Authority& authority);

  // The agent of `node` at `host_port`, which need not be the node's own address (port-forward).
  // With an authority it must prove to be that node's, otherwise an agent. Connects on first use.
  std::shared_ptr<v1::Agent::StubInterface> Dial(const std::string& node,
                                                 const std::string& host_port) const;

 private:
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  bool names_nodes_ = false;  // the agents' certificates carry their nodes' names
};

}  // namespace lighter
