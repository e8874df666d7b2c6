// The leases under which a load keeps what it brought until names hold it.
//
// containerd collects everything that neither a name nor a lease holds. Ours expire after a day, so
// even a node that never sees us again cleans up after us. A lease cannot be prolonged; each load
// makes a fresh one and moves what older ones of its kind hold into it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/containerd_client.h"

namespace lighter {

// Makes a lease for the next 24 hours, whose id begins with `prefix` (LoadRules), that holds all
// that broken loads of that kind left; its id.
absl::StatusOr<std::string> TakeLease(const Containerd& containerd, std::string_view prefix);

// Ends all leases of that kind: unfinished writes are dropped, but for those that somebody else has
// taken up since or that another lease holds, and everything that nothing holds any more is gone
// when this returns. A successful load ends with this, and so does an abandoned one.
absl::Status DropLeases(const Containerd& containerd, std::string_view prefix);

}  // namespace lighter
