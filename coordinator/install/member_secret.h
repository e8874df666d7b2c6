// What agents ask each other for blobs with before they have a certificate of their own: one
// certificate for all of them, kept in the cluster as the Secret lighter-member (type
// kubernetes.io/tls, with ca.crt). The agents' pods mount it; it fetches blobs by digest and
// nothing else (common/tls.h).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/pki.h"
#include "coordinator/cluster/kubectl.h"

namespace lighter {

inline constexpr char kMemberSecret[] = "lighter-member";

// Creates the Secret, or renews it where it is of another authority, damaged, or ends within a
// year; else leaves it as it is. The namespace must exist. Errors: IssueCertificate's, Kubectl's.
absl::Status EnsureMemberSecret(const Kubectl& kubectl, const Authority& authority);

// The parts that decide, apart so that tests can feed them.

// A Secret with a new key and a certificate of `authority` for it.
absl::StatusOr<nlohmann::json> MakeMemberSecret(const Authority& authority,
                                                absl::Time now = absl::Now());
// Whether `secret` (as kubectl prints it) need not be renewed.
bool IsLastingMember(const std::string& secret, const Authority& authority,
                     absl::Time now = absl::Now());

}  // namespace lighter
