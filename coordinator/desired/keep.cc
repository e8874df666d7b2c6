#include "coordinator/desired/keep.h"

#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "common/grpc_status.h"

namespace lighter {
namespace {

constexpr absl::Duration kKeepTimeout = absl::Seconds(10);

}  // namespace

std::vector<KeepOutcome> PushDesired(const v1::SignedDesired& list,
                                     const std::vector<NodeEndpoint>& nodes) {
  const absl::Time deadline = absl::Now() + kKeepTimeout;
  std::vector<KeepOutcome> outcomes(nodes.size());
  std::vector<std::thread> threads;
  threads.reserve(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    threads.emplace_back([&, i] {
      grpc::ClientContext context;
      context.set_deadline(absl::ToChronoTime(deadline));
      v1::KeepReply reply;
      outcomes[i].status = FromGrpc(nodes[i].stub->Keep(&context, list, &reply));
      if (reply.has_held()) outcomes[i].held = std::move(*reply.mutable_held());
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

}  // namespace lighter
