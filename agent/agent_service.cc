#include "agent/agent_service.h"

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/checked_image.h"
#include "agent/containerd_client.h"
#include "agent/desired/desired_list.h"
#include "agent/desired/keeper.h"
#include "agent/inventory.h"
#include "agent/kubelet/pull_records.h"
#include "agent/load_gate.h"
#include "agent/load_session.h"
#include "agent/load_stream.h"
#include "agent/name_state.h"
#include "agent/prover.h"
#include "agent/remove_names.h"
#include "common/file.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/pki.h"
#include "common/status.h"
#include "common/tls.h"
#include "common/version.h"

namespace lighter {
namespace {

absl::Status NoThread(const std::system_error& error) {
  return absl::UnavailableError(absl::StrCat("this node has no thread left: ", error.what()));
}

// Threads that end by themselves; the last ones are joined here.
class ThreadList {
 public:
  ~ThreadList() {
    for (Entry& entry : threads_) entry.thread.join();
  }

  // Unavailable where the machine has no thread to give.
  absl::Status Start(std::function<void()> body) {
    const std::lock_guard lock(mutex_);
    for (auto it = threads_.begin(); it != threads_.end();) {
      const bool done = it->done;
      if (done) it->thread.join();
      it = done ? threads_.erase(it) : std::next(it);
    }
    Entry& entry = threads_.emplace_back();
    try {
      entry.thread = std::thread([&entry, body = std::move(body)] {
        body();
        entry.done = true;
      });
    } catch (const std::system_error& error) {
      threads_.pop_back();
      return NoThread(error);
    }
    return absl::OkStatus();
  }

 private:
  struct Entry {
    std::atomic<bool> done = false;
    std::thread thread;
  };

  std::mutex mutex_;
  std::list<Entry> threads_;
};

// A stream that is refused before it begins.
class RefusedStream final : public grpc::ServerBidiReactor<v1::LoadRequest, v1::LoadReply> {
 public:
  explicit RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

// Load is a callback method and the rest are not: only a callback stream can be ended while a read
// is outstanding, which is how a load fails in the middle of a transfer.
class AgentService final : public v1::Agent::WithCallbackMethod_Load<v1::Agent::Service> {
 public:
  explicit AgentService(const AgentOptions& options)
      : options_(options),
        containerd_(Containerd(options.containerd_socket).Scoped({"", options.calls})),
        gate_(options.gate != nullptr ? options.gate
                                      : std::make_shared<LoadGate>(options.containerd_socket)) {}

  grpc::Status Info(grpc::ServerContext* context, const v1::InfoRequest*,
                    v1::InfoReply* reply) override {
    absl::Status status = CheckCaller(*context);
    if (status.ok()) status = FillInfo(reply);
    return ToGrpc(status);
  }

  grpc::Status Inventory(grpc::ServerContext* context, const v1::InventoryRequest* request,
                         v1::InventoryReply* reply) override {
    absl::Status status = CheckCaller(*context);
    if (status.ok()) status = FillInventory(*request, reply);
    return ToGrpc(status);
  }

  grpc::ServerBidiReactor<v1::LoadRequest, v1::LoadReply>* Load(
      grpc::CallbackServerContext* context) override {
    if (const absl::Status status = CheckCaller(*context); !status.ok()) {
      return new RefusedStream(status);
    }
    auto* const stream = new LoadStream;
    stream->Begin();
    const absl::Status started =
        sessions_.Start([this, stream] { stream->End(RunSession(stream)); });
    if (!started.ok()) stream->End(started);
    return stream;
  }

  grpc::Status Keep(grpc::ServerContext* context, const v1::SignedDesired* list,
                    v1::KeepReply* reply) override {
    absl::Status status = CheckCaller(*context);
    if (status.ok()) status = TakeList(*list, reply);
    return ToGrpc(status);
  }

  grpc::Status Remove(grpc::ServerContext* context, const v1::RemoveRequest* request,
                      v1::RemoveReply* reply) override {
    absl::Status status = CheckCaller(*context);
    if (status.ok()) status = RemoveInPeace(*request, reply);
    return ToGrpc(status);
  }

 private:
  std::shared_ptr<const v1::Desired> CurrentList() const {
    return options_.desired == nullptr ? nullptr : options_.desired->current();
  }

  absl::Status TakeList(const v1::SignedDesired& list, v1::KeepReply* reply) {
    if (options_.desired == nullptr) {
      return absl::FailedPreconditionError(
          "this agent has certificates from outside: there is no authority whose list it could "
          "trust");
    }
    ASSIGN_OR_RETURN(v1::SignedDesired held, options_.desired->Offer(list));
    if (held.desired() != list.desired()) *reply->mutable_held() = std::move(held);
    options_.keeper->Wake();
    return absl::OkStatus();
  }

  // No load beside it: a coordinator's may have found proven what goes here, and the keeper's may
  // be by an older list.
  absl::Status RemoveInPeace(const v1::RemoveRequest& request, v1::RemoveReply* reply) {
    std::optional<Keeper::Pause> pause;
    if (options_.keeper != nullptr) pause.emplace(options_.keeper);
    CallGroup calls;
    ASSIGN_OR_RETURN(const auto pass, gate_->Enter("`lighter prune`, which removes names", calls));
    return RemoveNames(containerd_, CurrentList().get(), request, reply);
  }

  absl::Status RunSession(LoadStream* stream) {
    std::optional<Keeper::Pause> pause;
    if (options_.keeper != nullptr) pause.emplace(options_.keeper);
    try {
      LoadSession session(containerd_, gate_.get(), stream, options_.times, options_.rules);
      absl::Status status = session.Run();
      if (options_.log) options_.log(session.Summary(status));
      return status;
    } catch (const std::system_error& error) {
      return NoThread(error);
    }
  }

  absl::Status CheckCaller(const grpc::ServerContextBase& context) const {
    if (!options_.require_coordinator_certificate) return absl::OkStatus();
    return CheckPeerName(*context.auth_context(), kCoordinatorTlsName);
  }

  absl::Status FillInfo(v1::InfoReply* reply) const {
    reply->set_agent_version(std::string(kVersion));
    reply->set_node_name(options_.node_name);
    reply->set_unix_time_seconds(absl::ToUnixSeconds(absl::Now()));
    ASSIGN_OR_RETURN(*reply->mutable_snapshotter(), containerd_.Snapshotter());
    ASSIGN_OR_RETURN(*reply->mutable_containerd_version(), containerd_.Version());
    ASSIGN_OR_RETURN(*reply->mutable_containerd_root(), containerd_.RootFolder());
    reply->set_protocol_version(kProtocolVersion);
    const FreeSpace free = FindFreeSpace(containerd_);
    reply->set_free_bytes(free.bytes);
    reply->set_free_inodes(free.inodes);
    if (options_.keeper != nullptr) *reply->mutable_kept() = options_.keeper->State();
    reply->set_registry(options_.registry);
    if (options_.mirrors) {
      for (v1::Mirror& mirror : options_.mirrors()) *reply->add_mirrors() = std::move(mirror);
    }
    const absl::StatusOr<std::string> certificate =
        ReadFile(options_.certificate_file, kMaxPemBytes);
    const absl::StatusOr<absl::Time> end =
        certificate.ok() ? NotAfter(*certificate) : certificate.status();
    if (end.ok()) reply->set_certificate_ends_unix_seconds(absl::ToUnixSeconds(*end));
    return absl::OkStatus();
  }

  absl::Status FillInventory(const v1::InventoryRequest& request, v1::InventoryReply* reply) const {
    ASSIGN_OR_RETURN(const std::vector<CheckedImage> images, CheckImages(request.images()));
    ASSIGN_OR_RETURN(const std::string snapshotter, containerd_.Snapshotter());
    const PullRecords records(options_.pull_records);
    std::vector<const CheckedImage*> todo;
    for (const CheckedImage& image : images) {
      ASSIGN_OR_RETURN(const auto proofs, LookAtNames(containerd_, snapshotter, image));
      bool proven = true;
      for (size_t i = 0; i < proofs.size(); ++i) {
        v1::NameState* const name = reply->add_names();
        name->set_name(image.names[i].str());
        name->set_current_manifest_digest(proofs[i].current);
        name->set_proven(proofs[i].proven);
        name->set_pull_record(records.Find(image.names[i], image.config.digest));
        proven = proven && proofs[i].proven;
      }
      if (!proven) todo.push_back(&image);
    }
    ASSIGN_OR_RETURN(const std::vector<Reference> names, CheckLoneNames(request.names()));
    for (const Reference& name : names) {
      ASSIGN_OR_RETURN(*reply->add_names(), StateOfName(containerd_, snapshotter, records, name));
    }
    ASSIGN_OR_RETURN(const Lack lack, FindLack(containerd_, snapshotter, todo));
    for (const MissingBlob& blob : lack.blobs) {
      v1::BlobNeed* const need = reply->add_needs();
      need->set_digest(blob.target.blob.digest.str());
      need->set_size(blob.target.blob.size);
      need->set_offset(blob.offset);
    }
    for (const UnpackStep& step : lack.steps) {
      reply->add_to_unpack(step.layer.blob.digest.str());
    }
    const FreeSpace free = FindFreeSpace(containerd_);
    reply->set_free_bytes(free.bytes);
    reply->set_free_inodes(free.inodes);
    reply->set_total_bytes(free.total_bytes);
    return absl::OkStatus();
  }

  const AgentOptions options_;
  const Containerd containerd_;
  const std::shared_ptr<LoadGate> gate_;
  ThreadList sessions_;  // last, so that its threads end first
};

}  // namespace

std::unique_ptr<v1::Agent::Service> MakeAgentService(const AgentOptions& options) {
  return std::make_unique<AgentService>(options);
}

}  // namespace lighter
