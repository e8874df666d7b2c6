// Leases in the cluster: read, written and deleted, each only as it was read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/cluster/kubectl.h"
#include "coordinator/lock/lease.h"

namespace lighter {

// An interface, so that a test can be the other run.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // All of lighter's in that namespace.
  virtual absl::StatusOr<std::vector<RunLease>> List(const std::string& ns) = 0;

  // Creates it where `lease` has no resource version, else replaces that very version. Returns the
  // new one. Aborted where somebody was quicker, PermissionDenied, NotFound (no such namespace),
  // others that may pass.
  virtual absl::StatusOr<std::string> Write(const RunLease& lease) = 0;

  // That very version. Errors as of Write.
  virtual absl::Status Delete(const RunLease& lease) = 0;
};

// Runs on after a stop signal: a run that was asked to stop still holds its lock until it ends.
// Thread-compatible.
class KubectlLeases : public LeaseStore {
 public:
  explicit KubectlLeases(KubectlOptions options) : kubectl_(std::move(options)) {}

  absl::StatusOr<std::vector<RunLease>> List(const std::string& ns) override;
  absl::StatusOr<std::string> Write(const RunLease& lease) override;
  absl::Status Delete(const RunLease& lease) override;

 private:
  Kubectl kubectl_;
};

}  // namespace lighter
