#include "coordinator/run/command_lock.h"

#include "absl/strings/str_cat.h"
#include "coordinator/install/manifests.h"

namespace lighter {

CommandLock::CommandLock(const KubectlOptions& kubectl, const std::string& command,
                         const std::string& run, std::function<void(const std::string&)> say)
    : store_(kubectl),
      lock_(store_, {.holder = absl::StrCat(UserAtHost(), ", run ", run),
                     .command = command,
                     .process = ProcessIdentity(),
                     .say = std::move(say)}) {}

std::string LockNamespace(const Authority* authority) {
  return authority == nullptr ? "" : kAgentNamespace;
}

std::vector<LockKey> LocksOf(const Plan& plan, const Authority* authority) {
  const std::string ns = LockNamespace(authority);
  std::vector<LockKey> keys;
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const Release& release = planned.release;
    if (!release.name.empty()) {
      keys.push_back(LockOfRelease(ns, release.ns, release.name));
    } else if (!ns.empty()) {  // else there is no place for it, and agents take one load at a time
      keys.push_back(LockOfChart(ns, plan.package.bundles[planned.bundle].chart_name));
    }
  }
  return keys;
}

}  // namespace lighter
