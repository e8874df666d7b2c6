// The agent's state folder: this node's own key, made here, and the certificate for it.
//
// It is a TLS folder (common/tls.h) with mode 0700 that belongs to the agent alone. tls.key (0600)
// never leaves it; ca.crt and tls.crt are brought by the coordinator, which signs what
// CertificateRequest gives. All of these may run beside a serving agent: who writes holds a lock on
// the folder, and files are replaced whole. A kill at any moment costs at most the certificate, and
// the coordinator brings another.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace lighter {

// In the folder: this node's certificate, its CA's, and the newest desired list (agent/desired).
inline constexpr char kCertificateFile[] = "tls.crt";
inline constexpr char kCaFile[] = "ca.crt";
inline constexpr char kDesiredFile[] = "desired";

using LogLine = std::function<void(const std::string&)>;

// Makes `folder` and the key where they are not there, and replaces a key that is damaged; both are
// told to `log`. FailedPrecondition where the folder holds something else: it would be made 0700.
absl::Status PrepareIdentity(const std::string& folder, const LogLine& log);

// A PEM request for this node's key, which is prepared first.
absl::StatusOr<std::string> CertificateRequest(const std::string& folder, const LogLine& log);

// Takes a certificate that the coordinator has signed: `pem` holds it and then the CA's. It must be
// one for this node's key and usable at `now` (CheckTlsFiles, AgentTlsNames(node)); what was there
// stays otherwise. Gives the time when it ends. An agent that waits for it or serves uses it within
// a second.
absl::StatusOr<absl::Time> AcceptCertificate(const std::string& folder, const std::string& node,
                                             const std::string& pem, const LogLine& log,
                                             absl::Time now = absl::Now());

// Replaces one of the agent's other files there, kDesiredFile. NotFound where the folder is gone.
absl::Status WriteStateFile(const std::string& folder, const std::string& name,
                            const std::string& bytes);

// Removes what the others here have made, and the folder; OK where there is none. An error where
// the folder stays because it holds something else or is a mount point.
absl::Status RemoveIdentity(const std::string& folder);

}  // namespace lighter
