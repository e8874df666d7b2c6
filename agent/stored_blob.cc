#include "agent/stored_blob.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace lighter {

absl::Status CheckStoredBlob(const Containerd& containerd, const Digest& digest,
                             std::string_view what) {
  const absl::StatusOr<Digest> actual = containerd.HashBlob(digest);
  if (!actual.ok() || *actual == digest) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the ", ToAbsl(what), " that is stored on this node as ",
                                          digest.str(), " is damaged: its bytes have digest ",
                                          actual->str(),
                                          "; remove it there with `ctr -n k8s.io content rm ",
                                          digest.str(), "` and run the same command again"));
}

}  // namespace lighter
