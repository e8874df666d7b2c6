// One load, from LoadStart to Done: the state machine of the Load stream.
//
// Order of things on the node: lease, manifests (which hold all that they list), configs and layers
// with unpacking beside them, names, proof, end of the lease. So containerd's garbage collection
// never finds a reason to take what came, and no name ever points to something incomplete.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/blob_receiver.h"
#include "agent/checked_image.h"
#include "agent/containerd_client.h"
#include "agent/inventory.h"
#include "agent/load_gate.h"
#include "agent/load_rules.h"
#include "agent/load_stream.h"
#include "agent/load_times.h"
#include "agent/progress_sender.h"
#include "agent/prover.h"
#include "agent/unpacker.h"

namespace lighter {

// Runs on one thread of its own. All arguments must outlive it; it must not outlive the stream's
// end.
class LoadSession {
 public:
  LoadSession(const Containerd& containerd, LoadGate* gate, LoadStream* stream,
              const LoadTimes& times, const LoadRules& rules);

  // The stream's status. A load that ends before Finish keeps what came, except where the node's
  // disk is full: then everything that loads brought is dropped at once.
  absl::Status Run();

  // How a load that ended with `status` went, in one line.
  std::string Summary(const absl::Status& status) const;

 private:
  absl::Status Serve();
  absl::StatusOr<v1::LoadStart> ReceiveStart();
  // Finds what is not proven, takes the lease, stores manifests; the blobs and steps that are
  // needed.
  absl::StatusOr<Lack> Prepare();
  absl::StatusOr<Lack> FindAndHoldLack(const std::string& lease);
  absl::Status StoreManifest(const CheckedImage& image);
  absl::Status TakeOverConfigs(const Lack& lack);
  absl::Status SendNeed(const Lack& lack);
  absl::Status BlobStored(const BlobTarget& target);

  // Receives chunks and Finish; returns when Finish came.
  absl::StatusOr<v1::Finish::Action> Transfer();
  absl::Status CheckIdle() const;
  absl::Status SendStagedWhenReady();
  v1::Progress Doing(const std::string& step) const;
  std::string CurrentStep() const;

  absl::Status MakeRoom(const absl::Status& full);
  absl::Status Publish();
  absl::Status Abandon();
  void EndWork();
  std::string LeasePrefix() const;

  const Containerd
      base_;  // without lease and group: for what must happen even after the stream broke
  LoadGate* const gate_;
  LoadStream* const stream_;
  const LoadTimes times_;
  const LoadRules rules_;
  ProgressSender progress_;

  std::string who_;  // for messages: the coordinator's host and run
  absl::Time began_;
  v1::Finish::Action action_ = v1::Finish::ACTION_UNSPECIFIED;
  uint64_t received_bytes_ = 0;

  std::vector<CheckedImage> images_;
  std::vector<std::vector<NameProof>> found_;  // per image and name, before the load
  std::vector<const CheckedImage*> todo_;      // images with a name that was not proven
  std::string snapshotter_;
  Containerd work_;  // with lease and the stream's group

  std::unique_ptr<Unpacker> unpacker_;
  std::unique_ptr<BlobReceiver> receiver_;
  size_t steps_ = 0;
  bool staged_ = false;
  bool naming_ = false;  // names may have been created
  absl::Time last_message_;
};

}  // namespace lighter
