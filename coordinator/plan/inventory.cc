#include "coordinator/plan/inventory.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "coordinator/process/stop_signal.h"
#include "coordinator/transfer/protocol.h"

namespace lighter {
namespace {

constexpr absl::Duration kInventoryTimeout = absl::Seconds(60);
// An agent that kubelet calls ready and that cannot be reached is asked again for that long: one
// lost connection must not stop an upgrade.
constexpr absl::Duration kReachWindow = absl::Seconds(5);
constexpr absl::Duration kReachPause = absl::Milliseconds(250);
constexpr absl::Duration kStopPoll = absl::Milliseconds(50);

// The answer covers every name asked about.
absl::Status CheckInventory(const v1::InventoryRequest& request, const NodePlan& node) {
  absl::flat_hash_set<std::string> answered;
  for (const v1::NameState& name : node.inventory.names()) answered.insert(name.name());
  for (const v1::Image& image : request.images()) {
    for (const std::string& name : image.names()) {
      if (answered.contains(name)) continue;
      return absl::InternalError(absl::StrCat("the agent says nothing about ", name));
    }
  }
  for (const std::string& name : request.names()) {
    if (answered.contains(name)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("its agent (version ", node.info.agent_version(),
                     ") cannot be asked about names alone; `lighter agent upgrade` brings one that "
                     "can"));
  }
  return absl::OkStatus();
}

// What a node is asked.
using RequestFor = std::function<v1::InventoryRequest(const NodePlan&)>;

// The inventory of all nodes: a thread a node; a stop signal ends them all.
class InventoryRun {
 public:
  InventoryRun(RequestFor request_for, std::vector<NodePlan>& nodes)
      : request_for_(std::move(request_for)), nodes_(nodes), calls_(nodes.size()) {}

  void Run();

 private:
  using RemoteCall = std::function<absl::Status(grpc::ClientContext&)>;

  // One RPC, which a stop signal ends.
  absl::Status Call(size_t index, const RemoteCall& call);
  absl::Status Ask(size_t index, const v1::InventoryRequest& request);
  void AskUntilReached(size_t index);
  void CancelAll();

  const RequestFor request_for_;
  std::vector<NodePlan>& nodes_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  size_t running_ = 0;
  std::vector<grpc::ClientContext*> calls_;  // those under way
};

absl::Status InventoryRun::Call(size_t index, const RemoteCall& call) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kInventoryTimeout));
  {
    const std::lock_guard lock(mutex_);
    if (StopRequested()) return absl::CancelledError("stopped");
    calls_[index] = &context;
  }
  const absl::Status status = call(context);
  const std::lock_guard lock(mutex_);
  calls_[index] = nullptr;
  return status;
}

// First whether the agent understands what it is asked.
absl::Status InventoryRun::Ask(size_t index, const v1::InventoryRequest& request) {
  NodePlan& node = nodes_[index];
  node.info.Clear();
  RETURN_IF_ERROR(Call(index, [&](grpc::ClientContext& context) {
    return FromGrpc(node.endpoint.stub->Info(&context, {}, &node.info));
  }));
  RETURN_IF_ERROR(CheckProtocol(node.info));
  node.inventory.Clear();
  return Call(index, [&](grpc::ClientContext& context) {
    return FromGrpc(node.endpoint.stub->Inventory(&context, request, &node.inventory));
  });
}

void InventoryRun::AskUntilReached(size_t index) {
  NodePlan& node = nodes_[index];
  const v1::InventoryRequest request = request_for_(node);
  const absl::Time give_up = absl::Now() + kReachWindow;
  node.status = Ask(index, request);
  while (absl::IsUnavailable(node.status) && absl::Now() < give_up) {
    absl::SleepFor(kReachPause);
    node.status = Ask(index, request);
  }
  if (absl::IsUnavailable(node.status) || absl::IsDeadlineExceeded(node.status)) {
    node.status = absl::UnavailableError(
        IsContainerdsFault(node.status)
            ? Message(node.status)
            : absl::StrCat("the agent at ", node.agent, " does not answer (", Message(node.status),
                           ")", node.has_pod ? "" : "; no agent's pod runs on this node"));
  }
  if (node.status.ok()) node.status = CheckInventory(request, node);
}

void InventoryRun::CancelAll() {
  for (grpc::ClientContext* call : calls_) {
    if (call != nullptr) call->TryCancel();
  }
}

void InventoryRun::Run() {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].endpoint.stub != nullptr) ++running_;
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].endpoint.stub == nullptr) continue;
    threads.emplace_back([this, i] {
      AskUntilReached(i);
      const std::lock_guard lock(mutex_);
      --running_;
      ended_.notify_all();
    });
  }
  {
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      ended_.wait_for(lock, absl::ToChronoMilliseconds(kStopPoll));
      if (StopRequested()) CancelAll();
    }
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

void TakeInventory(const std::vector<v1::Image>& images, std::vector<NodePlan>& nodes) {
  const auto request_for = [&images](const NodePlan& node) {
    v1::InventoryRequest request;
    for (const v1::Image* image : ImagesFor(images, node.endpoint)) *request.add_images() = *image;
    return request;
  };
  InventoryRun(request_for, nodes).Run();
}

void AskNames(const std::vector<std::string>& names, std::vector<NodePlan>& nodes) {
  v1::InventoryRequest request;
  *request.mutable_names() = {names.begin(), names.end()};
  InventoryRun([&request](const NodePlan&) { return request; }, nodes).Run();
}

}  // namespace lighter
