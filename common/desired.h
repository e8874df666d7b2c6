// The cluster's desired list (proto/lighter/v1/desired.proto), signed and checked.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/pki.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// The ConfigMap that carries a SignedDesired to the agents, and the key under which it does.
inline constexpr char kDesiredConfigMap[] = "lighter-desired";
inline constexpr char kDesiredKey[] = "desired";

// A ConfigMap holds at most 1 MiB; base64 and metadata do not count against it.
inline constexpr size_t kMaxDesiredBytes = 1'000'000;

// ResourceExhausted where the list is too large; InvalidArgument where the authority's key is none.
absl::StatusOr<v1::SignedDesired> SignDesired(const v1::Desired& desired,
                                              const Authority& authority);

// The list, once its signature is that of `ca` (PEM). PermissionDenied where it is another's;
// InvalidArgument where it cannot be read, is too large, or says something that no list may.
absl::StatusOr<v1::Desired> VerifyDesired(const v1::SignedDesired& list, const std::string& ca);

}  // namespace lighter
