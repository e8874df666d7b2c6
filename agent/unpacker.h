// Turns layers into snapshots beside the transfer, in order, as their blobs land.
//
// A snapshot gets its chain ID only after containerd unpacked the whole layer and the digest of the
// plain tar was the expected diffID. A failed step leaves nothing behind. InvalidArgument: a sound
// layer is not what its config says.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "agent/containerd_client.h"
#include "agent/inventory.h"

namespace lighter {

class Unpacker {
 public:
  struct State {
    size_t done = 0;   // steps
    std::string step;  // what is being done now; empty while waiting
    bool finished = false;
    absl::Status status;  // why it finished
  };

  // Starts a thread of its own. `work` carries the lease and a group that ends a running step;
  // `cleanup` must not be cancelled with it. `awaited` are the blobs that are still to come.
  // `changed` is called from the thread after each change of state.
  Unpacker(Containerd work, Containerd cleanup, std::string snapshotter,
           std::vector<UnpackStep> steps, std::set<Digest> awaited, std::function<void()> changed);
  // Ends the thread after the step that is running.
  ~Unpacker();

  // A blob was stored.
  void BlobLanded(const Digest& digest);

  State state() const;

 private:
  void Run();
  // False when the thread is to end.
  bool AwaitBlob(const Digest& digest);
  absl::Status Make(const UnpackStep& step);
  absl::Status Fill(const UnpackStep& step, const std::string& key,
                    const Containerd::Mounts& mounts);
  absl::Status Apply(const UnpackStep& step, const Containerd::Mounts& mounts);

  const Containerd work_;
  const Containerd cleanup_;
  const std::string snapshotter_;
  const std::vector<UnpackStep> steps_;
  const std::function<void()> changed_;

  mutable std::mutex mutex_;
  std::condition_variable landed_;
  std::set<Digest> awaited_;
  bool stopping_ = false;
  State state_;

  std::thread thread_;
};

}  // namespace lighter
