// One load a node at a time, whichever of our programs runs it.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/call_group.h"
#include "common/file.h"

namespace lighter {

// Thread-safe. Within this process by a record of the holder; across processes (an agent, and
// `lighter load --local` on the same node) by a lock on the folder of containerd's socket, which
// the kernel releases even after kill -9.
class LoadGate {
 public:
  explicit LoadGate(std::string containerd_socket);

  // Holding it is having the node. Must not outlive the gate.
  class Pass {
   public:
    Pass(LoadGate* gate, UniqueFd lock) : gate_(gate), lock_(std::move(lock)) {}
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    LoadGate* const gate_;
    UniqueFd lock_;
  };

  // `who` is for the message to others; `calls` is cancelled when the load is over and must outlive
  // the pass. Waits for a holder that is over, and for a moment in any case, because the news of a
  // dead predecessor may come after its successor. FailedPrecondition: who holds the node, since
  // when.
  absl::StatusOr<std::unique_ptr<Pass>> Enter(const std::string& who, const CallGroup& calls);

 private:
  // Null where the node is taken; sets `patience` to how long waiting for it makes sense.
  absl::StatusOr<std::unique_ptr<Pass>> TryEnter(const std::string& who, const CallGroup& calls,
                                                 absl::Duration* patience);
  absl::Status Taken() const;

  const std::string folder_;

  mutable std::mutex mutex_;
  const CallGroup* holder_ = nullptr;
  std::string holder_name_;
  absl::Time held_since_;
};

}  // namespace lighter
