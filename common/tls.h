// Mutual TLS between coordinator and agents, from certificate files.
//
// A TLS folder holds ca.crt, tls.crt and tls.key (PEM), the names that a Kubernetes TLS secret
// uses. Who a certificate speaks for is its DNS name: an agent's has lighter-agent, a coordinator's
// lighter-coordinator. The client checks the server's name, the server the client's, both the CA.
#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lighter {

inline constexpr std::string_view kAgentTlsName = "lighter-agent";
inline constexpr std::string_view kCoordinatorTlsName = "lighter-coordinator";

struct TlsFiles {
  std::string ca;           // PEM
  std::string certificate;  // PEM
  std::string key;          // PEM; secret
};

// Reads the three files of `folder` and checks that they are usable: the key belongs to the
// certificate, the certificate is valid now, comes from ca.crt and carries `expected_name`. Errors
// name the file and, for validity, both clocks.
absl::StatusOr<TlsFiles> ReadTlsFolder(const std::string& folder, std::string_view expected_name);

// A server that demands a client certificate from the same CA.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsFiles& files);
std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files);

// OK when the peer's verified certificate carries DNS name `name`; PermissionDenied otherwise.
absl::Status CheckPeerName(const grpc::AuthContext& context, std::string_view name);

}  // namespace lighter
