// Mutual TLS between coordinator and agents, from certificate files.
//
// A TLS folder holds ca.crt, tls.crt and tls.key (PEM), the names that a Kubernetes TLS secret
// uses. Who a certificate speaks for are its DNS names:
//
//   lighter-coordinator    a coordinator: may ask for the inventory and load images
//   lighter-agent          an agent, any: may be called by a coordinator, may itself not load
//   NODE.lighter-agent     the agent of that very node
//   lighter-member         an agent without a certificate of its own: may fetch blobs, nothing else
//
// Certificates of `lighter agent install` carry both names of an agent, and a coordinator of that
// kind demands the second, so that no node can answer for another. Of a site's own PKI it demands
// the first alone: one certificate may serve all agents there. The client checks the server's name,
// the server the client's, both the CA.
#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace lighter {

inline constexpr std::string_view kAgentTlsName = "lighter-agent";
inline constexpr std::string_view kCoordinatorTlsName = "lighter-coordinator";
inline constexpr std::string_view kMemberTlsName = "lighter-member";

// "NODE.lighter-agent".
std::string NodeTlsName(const std::string& node);
// Both names of the agent on `node`; the first alone where `node` is empty.
std::vector<std::string> AgentTlsNames(const std::string& node);

struct TlsFiles {
  std::string ca;           // PEM
  std::string certificate;  // PEM
  std::string key;          // PEM; secret
};

// Checks that the files are usable at `now`: the key belongs to the certificate, certificate and CA
// are valid, the one comes from the other and carries every one of `names`. Errors name the file,
// with `folder` before it ("tls/" or ""), and for validity both clocks.
absl::Status CheckTlsFiles(const TlsFiles& files, const std::vector<std::string>& names,
                           const std::string& folder, absl::Time now = absl::Now());

// Reads the three files of `folder` and checks them. NotFound, with its path, where one is missing.
absl::StatusOr<TlsFiles> ReadTlsFolder(const std::string& folder,
                                       const std::vector<std::string>& names);

// A server that demands a client certificate from the same CA. It looks at the three files again
// every second: what is there then is used from the next connection on, so certificates are renewed
// without a restart. Whoever replaces them is the one to check them first; files that are missing
// for a moment change nothing.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const std::string& folder);

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files);

// OK when the peer's verified certificate carries DNS name `name`; PermissionDenied otherwise.
absl::Status CheckPeerName(const grpc::AuthContext& context, std::string_view name);

}  // namespace lighter
