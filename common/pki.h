// Makes keys, requests and certificates (EC P-256, PEM), so that no key has to travel: a node
// makes its key and a request for it; who holds the authority signs the request.
//
// Every certificate starts 7 days back: the clocks of machines without a network are wrong.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace lighter {

inline constexpr absl::Duration kClockTolerance = absl::Hours(7 * 24);
inline constexpr absl::Duration kAuthorityLifetime = absl::Hours(10 * 365 * 24);
inline constexpr absl::Duration kNodeCertificateLifetime = absl::Hours(3 * 365 * 24);
inline constexpr absl::Duration kRunCertificateLifetime = absl::Hours(7 * 24);

// A certificate authority: who holds its key decides who is an agent and who a coordinator.
struct Authority {
  std::string certificate;  // PEM
  std::string key;          // PEM; secret
};

// A new private key; secret.
absl::StatusOr<std::string> MakeKey();

// InvalidArgument, beginning with `what`, unless `key` is a P-256 private key.
absl::Status CheckKey(const std::string& key, std::string_view what);

// A PKCS#10 request for `key`, without names: they are the issuer's to give.
absl::StatusOr<std::string> MakeRequest(const std::string& key);

// A new authority, self-signed, valid for kAuthorityLifetime after `now`.
absl::StatusOr<Authority> MakeAuthority(absl::Time now = absl::Now());

// A certificate for the key in `request`, valid for `lifetime` after `now` and never longer than
// the authority itself. Its DNS names are exactly `names`; names and extensions in the request,
// which may be anyone's, count for nothing. It serves both ends of TLS and can sign nothing.
//
// InvalidArgument: `request` is none, is too large, is not for a P-256 key or not signed by it;
// `names` is empty or one is not a lower-case DNS name. FailedPrecondition: the authority's files
// do not belong together, it is none, or it is not valid at `now`.
absl::StatusOr<std::string> IssueCertificate(const Authority& authority, const std::string& request,
                                             const std::vector<std::string>& names,
                                             absl::Duration lifetime, absl::Time now = absl::Now());

// When `certificate` (PEM) ends.
absl::StatusOr<absl::Time> NotAfter(const std::string& certificate);

}  // namespace lighter
