// The leases under which a load keeps what it brought until names hold it.
//
// containerd collects everything that neither a name nor a lease holds. Ours expire after a day, so
// even a node that never sees us again cleans up after us. A lease cannot be prolonged; each load
// makes a fresh one and moves what older ones hold into it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/containerd_client.h"

namespace lighter {

// All our leases' ids begin with this.
inline constexpr std::string_view kLeasePrefix = "lighter-load-";

// Makes a lease for the next 24 hours that holds all that broken loads left; its id.
absl::StatusOr<std::string> TakeLease(const Containerd& containerd);

// Ends all our leases: unfinished writes are dropped, but for those that somebody else has taken up
// since, and everything that no name holds is gone when this returns. A successful load ends with
// this, and so does an abandoned one.
absl::Status DropLeases(const Containerd& containerd);

}  // namespace lighter
