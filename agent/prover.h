// The proof that the kubelet finds an image under a name: the record points to the manifest, the
// image's top snapshot is committed, and CRI answers with the config's digest.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/checked_image.h"
#include "agent/containerd_client.h"

namespace lighter {

struct NameProof {
  std::string current;  // manifest digest that the name has now; empty where it does not exist
  std::string config_digest;  // what CRI answers; empty where it was not asked or knows nothing
  bool proven = false;
};

// One look at every name of `image`, in their order. Read-only.
absl::StatusOr<std::vector<NameProof>> LookAtNames(const Containerd& containerd,
                                                   const std::string& snapshotter,
                                                   const CheckedImage& image);

// Waits until `name` is proven: CRI learns of names by events, a moment later. FailedPrecondition
// says which part of the proof is missing after half a minute.
absl::StatusOr<NameProof> AwaitProof(const Containerd& containerd, const std::string& snapshotter,
                                     const CheckedImage& image, const std::string& name);

}  // namespace lighter
