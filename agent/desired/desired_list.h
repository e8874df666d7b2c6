// The desired list that this node acts on: the newest of what the cluster's ConfigMap brought, what
// a coordinator handed over, and what was kept from before. Newer is the one of a later generation,
// or of the same one and with a greater SHA-256, so that all nodes settle on one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

struct DesiredSources {
  std::string state_dir;  // the agent's own folder: its CA, and where the list is kept
  std::string
      member_dir;         // the members' TLS folder, for a node without a certificate; may be empty
  std::string file;       // the mounted ConfigMap's entry; may be empty, and come and go
  std::string node = "";  // this node's name
};

// Thread-safe.
class DesiredList {
 public:
  DesiredList(DesiredSources sources, std::function<void(const std::string&)> log);

  // Looks at the files again. What is not signed by the CA of now is no list: told to `log`, once.
  void Refresh();

  // Takes a list from a coordinator where it is newer; the one that holds then. Errors as
  // VerifyDesired; FailedPrecondition where this node knows no CA.
  absl::StatusOr<v1::SignedDesired> Offer(const v1::SignedDesired& list);

  // Null where there is none.
  std::shared_ptr<const v1::Desired> current() const;
  // The same without the images that this node need not have; changes when current() does.
  std::shared_ptr<const v1::Desired> mine() const;

  // OK where the mounted list, as it was looked at last, counts or there is none.
  // FailedPrecondition says why it was passed over.
  absl::Status CheckMounted() const;

  // False once the agent's state was removed from the node: it is being taken away.
  bool wanted() const;

 private:
  // Under mutex_.
  void LearnCa();
  absl::Status Adopt(const v1::SignedDesired& list);
  void AdoptFile(const std::string& path);
  void Save();
  void Tell(const std::string& path, const absl::Status& status);

  const DesiredSources sources_;
  const std::function<void(const std::string&)> log_;

  mutable std::mutex mutex_;
  std::string ca_;
  std::shared_ptr<const v1::Desired> current_;
  std::shared_ptr<const v1::Desired> mine_;
  v1::SignedDesired held_;                        // current_ as it came
  std::string saved_;                             // the bytes of the file in state_dir, once known
  std::map<std::string, std::string> looked_at_;  // path -> bytes that need no second look
  std::map<std::string, std::string> problems_;   // path -> what was told of it last
};

}  // namespace lighter
