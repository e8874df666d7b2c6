// Whether the pods of a release would get their images from elsewhere than those that run now: by
// the names of their images, then and now.
#pragma once

#include <string>
#include <vector>

namespace lighter {

// One way in which the beginning of names changes, with the names that change so.
struct RegistryChange {
  struct Image {
    std::string from;  // normalised, with tag or digest
    std::string to;
  };

  std::string from;  // registry, and what is in front of the path: "10.16.10.111/mirror"
  std::string to;
  std::vector<Image> images;

  // The registry alone of `to`: "docker.io".
  std::string registry() const;
};

// `then` and `now` are names as pod specs spell them; what cannot be a name is passed over. A name
// of `now` changed its registry where another repository of `then`, which is in use no more, has
// the same path, or the longer of the two paths ends with the other one. So does a name with only
// the last part of the path in common, where its registry is one that `then` did not have at all.
// An image that is new, or that was renamed at its registry, is no change. By `from`, then `to`.
std::vector<RegistryChange> FindRegistryChanges(const std::vector<std::string>& then,
                                                const std::vector<std::string>& now);

}  // namespace lighter
