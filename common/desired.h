// The cluster's desired list (proto/lighter/v1/desired.proto), signed and checked.
#pragma once

#include <set>
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

// Of these names, with its id. Sets of the same nodes are equal.
v1::NodeSet MakeNodeSet(const std::set<std::string>& nodes);

// The nodes that need not have an image of the list. Null: every node must.
const v1::NodeSet* SparedNodes(const v1::Desired& list, const v1::DesiredImage& image);

// The list without what this node need not have.
v1::Desired WantedOn(const v1::Desired& list, const std::string& node);

}  // namespace lighter
