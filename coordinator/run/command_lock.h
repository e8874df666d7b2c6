// The lock of one command that changes the cluster; see lock/run_lock.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/pki.h"
#include "coordinator/lock/run_lock.h"
#include "coordinator/plan/plan.h"

namespace lighter {

// Holds nothing yet.
class CommandLock {
 public:
  // `command`: "lighter upgrade"; `run`: the id of its folder.
  CommandLock(const KubectlOptions& kubectl, const std::string& command, const std::string& run,
              std::function<void(const std::string&)> say);

  RunLock& lock() { return lock_; }

 private:
  KubectlLeases store_;
  RunLock lock_;
};

// Where the Leases are: the agents' namespace where there is an authority, else each release's own
// (empty).
std::string LockNamespace(const Authority* authority);

// What a load or an upgrade of `plan` works on.
std::vector<LockKey> LocksOf(const Plan& plan, const Authority* authority);

}  // namespace lighter
