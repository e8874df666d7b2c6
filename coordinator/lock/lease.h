// A run's claim on a release: a Lease of the Kubernetes API (coordination.k8s.io/v1), as lighter
// writes it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace lighter {

// What lighter's Leases carry as app.kubernetes.io/component.
inline constexpr char kRunLeaseComponent[] = "run-lock";

// How long a claim holds that nobody renews. Twice what client-go's leader election takes by
// default and more: a load may keep a control node busy.
inline constexpr absl::Duration kLeaseDuration = absl::Seconds(60);

struct RunLease {
  std::string name;
  std::string ns;
  std::string resource_version;  // of what was read; empty: not in the cluster yet
  std::string holder;            // "ann@host1, run 20261123T231501Z-upgrade"; empty: nobody
  std::string command;           // "lighter upgrade"
  std::string process;           // see ProcessIdentity
  std::string acquired;          // the holder's clock, RFC 3339 with microseconds
  std::string renewed;           // likewise
  absl::Duration duration = kLeaseDuration;

  // "ann@host1, run ..., `lighter upgrade`, since 2026-11-23T23:15:01Z (Lease lighter-system/...)".
  std::string Describe() const;
};

// `now` as a Lease has it (MicroTime).
std::string LeaseTime(absl::Time now);

nlohmann::json LeaseToJson(const RunLease& lease);

// Of a list that kubectl prints. Nothing in it is trusted: a duration is between one second and
// five minutes whatever it says. Internal where it is no list.
absl::StatusOr<std::vector<RunLease>> ParseLeases(const std::string& text);

}  // namespace lighter
