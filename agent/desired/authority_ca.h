// Whose certificates and lists count on this node.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace lighter {

// The CA (PEM) in the agent's own folder or in the members' (may be empty): of two, the one that
// ends later. A node that was away while its cluster got another authority still has the old one's.
// NotFound where there is none.
absl::StatusOr<std::string> FindAuthorityCa(const std::string& state_dir,
                                            const std::string& member_dir);

}  // namespace lighter
