// The ConfigMap lighter-desired: the cluster's desired list, where the agents' pods see it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/pki.h"
#include "coordinator/cluster/kubectl.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

struct DesiredMap {
  v1::Desired list;  // empty where there is none, or none that counts
  // Of the ConfigMap that was read; empty where there was none. What is written replaces that very
  // one.
  std::string resource_version;
  std::string problem;  // why the list that is there does not count; empty where it does
};

// The image that the list holds under each name (normalised): what was loaded last before what was
// loaded before that. The pointers are into the list.
std::map<std::string, const v1::DesiredImage*> HeldImages(const v1::Desired& list);

// Every name that the list holds, normalised, and its repository with the digest.
std::set<std::string> HeldNames(const v1::Desired& list);

// Reads the list and checks that `authority` signed it. Errors are Kubectl's.
absl::StatusOr<DesiredMap> ReadDesiredMap(const Kubectl& kubectl, const Authority& authority);

// Of what kubectl prints; apart so that tests can feed it.
DesiredMap ParseDesiredMap(const std::string& config_map, const Authority& authority);

// Writes the list in place of what was read. Aborted where somebody else was quicker; else
// Kubectl's errors, those of a kubectl that failed as FailedPrecondition.
absl::Status WriteDesiredMap(const Kubectl& kubectl, const v1::SignedDesired& list,
                             const std::string& resource_version);

}  // namespace lighter
