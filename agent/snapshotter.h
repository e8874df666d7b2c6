// Which snapshotter images must be unpacked into: the one from which the kubelet's containers
// start.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

// What containerd says of its snapshotters.
struct SnapshotterFacts {
  struct Plugin {
    std::string name;
    std::string root;  // its folder; empty where it is not told
  };
  std::vector<Plugin> usable;
  // The folder of CRI's image file system (ImageFsInfo); empty where CRI does not tell.
  std::string image_folder;
  std::string namespace_default;  // a label of namespace k8s.io; may be empty
};

// The snapshotter of CRI: its image folder is the snapshotter's root, or is named after it
// (containerd 1.6 to 2.3; ImageFsInfo tells in all of them, Status only up to 1.7). Where CRI does
// not tell, the namespace's default, else containerd's, overlayfs. FailedPrecondition where
// containerd does not have it.
absl::StatusOr<std::string> ChooseSnapshotter(const SnapshotterFacts& facts);

}  // namespace lighter
