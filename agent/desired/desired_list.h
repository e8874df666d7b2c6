// The desired list that this node acts on: the newest of what the cluster's ConfigMap brought, what
// a coordinator handed over, and what was kept from before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

struct DesiredSources {
  std::string state_dir;  // the agent's own folder: its CA, and where the list is kept
  std::string
      member_dir;    // the members' TLS folder, for a node without a certificate; may be empty
  std::string file;  // the mounted ConfigMap's entry; may be empty, and come and go
};

// Thread-safe.
class DesiredList {
 public:
  DesiredList(DesiredSources sources, std::function<void(const std::string&)> log);

  // Looks at the files again. What is not signed by the CA of now is no list: told to `log`, once.
  void Refresh();

  // Takes a list from a coordinator where it is newer; the generation that holds then. Errors as
  // VerifyDesired; FailedPrecondition where this node knows no CA.
  absl::StatusOr<uint64_t> Offer(const v1::SignedDesired& list);

  // Null where there is none.
  std::shared_ptr<const v1::Desired> current() const;

  // False once the agent's state was removed from the node: it is being taken away.
  bool wanted() const;

 private:
  // Under mutex_.
  void LearnCa();
  absl::Status Adopt(const v1::SignedDesired& list);
  void AdoptFile(const std::string& path);

  const DesiredSources sources_;
  const std::function<void(const std::string&)> log_;

  mutable std::mutex mutex_;
  std::string ca_;
  std::shared_ptr<const v1::Desired> current_;
  std::string last_problem_;
};

}  // namespace lighter
