// Which process a run is, so that another run on the same machine can tell that it is gone.
#pragma once

#include <string>

namespace lighter {

enum class Liveness { kAlive, kDead, kUnknown };

// "<boot id> <pid namespace> <pid> <start time>" of this process (random(4), namespaces(7),
// field 22 of /proc/pid/stat in proc(5)): no other process of any machine has the same. Empty where
// /proc does not tell.
std::string ProcessIdentity();

// Whether the process that called itself `identity` still runs. kUnknown where it is not of this
// machine's boot and this pid namespace, or cannot be looked at.
Liveness LivenessOf(const std::string& identity);

// "ann@host1": who runs this; under sudo the one who called it.
std::string UserAtHost();

}  // namespace lighter
