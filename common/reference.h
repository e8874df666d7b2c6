// Image references by the grammar of distribution/reference, normalised as containerd's CRI does.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lighter {

// A normalised reference: "nginx" is docker.io / library/nginx : latest.
struct Reference {
  std::string registry;    // "docker.io", "10.16.10.111:5000"
  std::string repository;  // "library/nginx"; lower case
  std::string tag;         // empty when a digest is given (as ParseDockerRef drops it)
  std::string digest;      // "sha256:..." or empty

  std::string name() const { return registry + "/" + repository; }  // without tag and digest
  std::string str() const;  // the name CRI looks up: name():tag or name()@digest

  // Parses and normalises as distribution's ParseDockerRef does (default registry docker.io,
  // index.docker.io becomes docker.io, "library/" for bare names, tag latest where neither tag nor
  // digest is given, the tag dropped beside a digest). InvalidArgument says what is wrong.
  static absl::StatusOr<Reference> Parse(std::string_view text);
};

// InvalidArgument where image names cannot begin with `registry`, or where their normal form begins
// otherwise. One that is OK can be a folder's name.
absl::Status CheckRegistryName(std::string_view registry);

}  // namespace lighter
