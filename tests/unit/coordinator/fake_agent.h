// An agent without a containerd, for faults that the real one cannot be made to show at will.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "common/version.h"
#include "coordinator/transfer/load.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter::test {

// Keeps every blob in memory, also across streams, and checks that chunks come in order.
// Thread-safe.
class FakeAgent final : public v1::Agent::Service {
 public:
  FakeAgent() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = v1::Agent::NewStub(server_->InProcessChannel({}));
  }
  ~FakeAgent() override { server_->Shutdown(); }

  NodeEndpoint Endpoint(const std::string& name) const { return {.name = name, .stub = stub_}; }

  // Faults, set before the load.
  uint64_t break_after_bytes = 0;                // once: end the stream as a killed agent does
  uint64_t break_every_bytes = 0;                // the same in every stream
  grpc::Status refuse = grpc::Status::OK;        // the answer to every LoadStart
  std::atomic<int> unreachable_inventories = 0;  // so many are answered with UNAVAILABLE first
  bool forget_names = false;                     // in the answer to Inventory
  std::function<void()> on_staged;
  std::function<grpc::Status()> on_publish;  // not OK ends the stream before any name is created
  grpc::Status stage_failure;                // not OK: instead of every Staged
  bool done_early = false;                   // end well right after Staged
  absl::Duration proof_pause;                // before each proof
  bool forget_proofs = false;                // name the names without their digests
  bool spoil_kept = false;                   // once: what is kept when the stream breaks is damaged

  std::atomic<uint64_t> kept = 0;  // the newest generation that came
  v1::SignedDesired held;          // what it answers to an older list, or one of its generation
  std::atomic<unsigned> protocol = kProtocolVersion;
  grpc::Status info_answer = grpc::Status::OK;  // to every Info
  grpc::Status keep_answer = grpc::Status::OK;  // to every Keep
  std::atomic<int> removals = 0;                // requests to remove names

  std::map<std::string, std::string> Blobs() const {
    const std::lock_guard lock(mutex_);
    return blobs_;
  }
  int published() const {
    const std::lock_guard lock(mutex_);
    return published_;
  }
  int abandoned() const {
    const std::lock_guard lock(mutex_);
    return abandoned_;
  }
  uint64_t received_bytes() const {
    const std::lock_guard lock(mutex_);
    return received_bytes_;
  }

  grpc::Status Info(grpc::ServerContext*, const v1::InfoRequest*, v1::InfoReply* reply) override;
  // Answers that nothing is lacking and no name is there.
  grpc::Status Inventory(grpc::ServerContext*, const v1::InventoryRequest* request,
                         v1::InventoryReply* reply) override;
  grpc::Status Keep(grpc::ServerContext*, const v1::SignedDesired* list,
                    v1::KeepReply* reply) override;
  // Answers as one that does not know RemoveRequest.all: nothing is removed.
  grpc::Status Remove(grpc::ServerContext*, const v1::RemoveRequest* request,
                      v1::RemoveReply* reply) override;
  grpc::Status Load(grpc::ServerContext*,
                    grpc::ServerReaderWriter<v1::LoadReply, v1::LoadRequest>* stream) override;

 private:
  static std::map<std::string, uint64_t> Wanted(const v1::LoadStart& start);

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::string> blobs_;
  int published_ = 0;
  int abandoned_ = 0;
  uint64_t received_bytes_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<v1::Agent::StubInterface> stub_;
};

}  // namespace lighter::test
