// The desired list by repository, as the registry looks things up in it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/digest.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// Immutable. Where a tag is in the list with several manifests, the one that was loaded last wins,
// and an image of now wins over one that is kept for a rollback.
class DesiredNames {
 public:
  struct Repository {
    std::map<std::string, const v1::DesiredImage*> tags;
    std::map<Digest, const v1::DesiredImage*> manifests;
  };

  // `list` may be null: nothing is found then. Entries that cannot be read are left out.
  explicit DesiredNames(std::shared_ptr<const v1::Desired> list);

  // Null where the list has no such repository. `registry` is a registry's host as a client knows
  // it: "127.0.0.1:7444" is localhost:7444 and "registry-1.docker.io" is docker.io.
  const Repository* Find(std::string_view registry, std::string_view repository) const;

  // What it was made of.
  const std::shared_ptr<const v1::Desired>& list() const { return list_; }

 private:
  void Add(const v1::DesiredImage& image);

  const std::shared_ptr<const v1::Desired> list_;
  std::map<std::string, Repository> repositories_;  // by registry and repository, normalised
};

}  // namespace lighter
