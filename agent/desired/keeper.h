// Keeps this node as the desired list wants it, with no coordinator about: holds and pins the
// images, puts back names that others deleted, brings what is missing from other nodes.
//
// A name that somebody pointed to another image is left alone: it may be the load of a new version.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "agent/agent_service.h"
#include "agent/call_group.h"
#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "agent/desired/held_file.h"
#include "agent/desired/node_content.h"
#include "agent/local_agent.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

class Keeper {
 public:
  // `options` as of the service for the network, with its gate, calls and log; `held_file` as
  // HeldFile has it. All that is pointed to must outlive it. It works on a thread of its own from
  // now on.
  Keeper(const AgentOptions& options, DesiredList* desired, NodeContent* content,
         const std::string& held_file);
  ~Keeper();  // breaks off what it is doing; the next one continues

  // Ends all holds and pins of a node that is left to itself.
  static absl::Status Release(const Containerd& containerd);

  // While one lives the keeper loads nothing: a coordinator's load goes first. Waits some seconds
  // until a load of the keeper's own is broken off.
  class Pause {
   public:
    explicit Pause(Keeper* keeper);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Keeper* const keeper_;
  };

  // A look at once, as after a new list.
  void Wake();

  v1::KeptState State() const;

  // For State: why the node's own registry does not run; empty where it does.
  void SetRegistryProblem(const std::string& problem);

 private:
  void Run();
  // With `names_only` it puts back names and brings nothing.
  absl::Status Check(bool names_only);
  // Proves anew and tells, unless the last try failed a moment ago; `held_` is the outcome. The
  // arguments are those of HeldFile::Confirm.
  void ConfirmHeld(const std::shared_ptr<const v1::Desired>& desired,
                   const std::vector<ImageRecord>& records);
  absl::Status Load(const v1::Desired& desired, const std::vector<v1::DesiredImage>& missing);
  absl::Status DropLeftovers();
  absl::Status LoadImage(const v1::DesiredImage& image, CallGroup& group);
  // Null where a pause has begun, the keeper ends, or `desired` is not the list any more.
  CallGroup* BeginLoad(const v1::Desired& desired);
  void EndLoad();

  const Containerd containerd_;
  DesiredList* const desired_;
  NodeContent* const content_;
  const std::function<void(const std::string&)> log_;
  const LocalAgent agent_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  bool woken_ = false;
  int pauses_ = 0;
  std::unique_ptr<CallGroup> load_;  // of the load that is running
  v1::KeptState state_;

  // Of the thread alone.
  // Why the last look that found nothing missing could not confirm it; told, and no reason to wait
  // with what can be done.
  absl::Status held_;
  std::shared_ptr<const v1::Desired> held_desired_;  // the list that `held_` is about
  absl::Duration held_retry_;
  absl::Time held_not_before_ = absl::InfinitePast();
  bool leftovers_ = true;  // there may be leases of broken loads
  HeldFile held_file_;

  std::thread thread_;  // last
};

}  // namespace lighter
