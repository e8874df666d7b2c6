// Calls to containerd that end together: when a load is over, none of its calls may linger.
#pragma once

#include <grpcpp/client_context.h>

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"

namespace lighter {

// Thread-safe. Must outlive the calls that were made in it.
class CallGroup {
 public:
  // Ends every call of this group, the running ones and those still to be made. Cannot be undone.
  void Cancel();
  bool cancelled() const;

 private:
  friend class Call;
  void Add(grpc::ClientContext* context);
  void Remove(grpc::ClientContext* context);

  mutable std::mutex mutex_;
  bool cancelled_ = false;
  std::set<grpc::ClientContext*> running_;
};

// What every call of one user of containerd carries.
struct CallScope {
  std::string lease;           // containerd keeps what the call makes for this lease; may be empty
  CallGroup* group = nullptr;  // not owned; may be null: only the deadline ends the call then
};

// One call: its context with namespace k8s.io, lease and deadline, in its group while it lives.
class Call {
 public:
  Call(const CallScope& scope, std::optional<absl::Duration> timeout);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext& context() { return context_; }

 private:
  CallGroup* const group_;
  grpc::ClientContext context_;
};

}  // namespace lighter
