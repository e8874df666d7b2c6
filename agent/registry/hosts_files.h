// The hosts.toml files that have containerd ask the node's own registry first (containerd's
// docs/hosts.md).
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"

namespace lighter {

// Works in one folder: config_path of containerd's CRI. A file is ours by its first line; what
// others made is never written to nor removed. Not thread-safe.
class HostsFiles {
 public:
  // `mirror` is the node's own registry, "http://127.0.0.1:7444".
  HostsFiles(std::string folder, std::string mirror)
      : folder_(std::move(folder)), mirror_(std::move(mirror)) {}

  const std::string& folder() const { return folder_; }

  // Makes REGISTRY/hosts.toml, with its folder, in one step. What the mirror does not have is asked
  // of `server`; empty: of the registry itself. AlreadyExists where others have settings for that
  // registry or for all of them, NotFound where the folder is not there, InvalidArgument where
  // `registry` is not a registry's name.
  absl::Status Write(const std::string& registry, const std::string& server = "") const;

  // Removes what Write made, but for these registries; also what a killed Write left.
  absl::Status RemoveAllBut(const std::set<std::string>& kept) const;

 private:
  std::string Text(const std::string& server) const;

  const std::string folder_;
  const std::string mirror_;
};

}  // namespace lighter
