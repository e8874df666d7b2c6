// Moves what the nodes lack to all of them at once, and has them unpack, name and prove it.
//
// Names appear on a node only after every node has either staged all its blobs or failed, so a
// package that turns out to be damaged leaves no node changed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/file.h"
#include "coordinator/progress/progress_board.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

// Where a blob lies in the package.
struct BlobLocation {
  std::shared_ptr<const ReadableFile> file;
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string entry;  // for messages: "hydra.bundle.tar: images.tar: <hex>.tar.gz"
};

struct LoadWork {
  std::string run_id;
  std::vector<v1::Image> images;  // each goes to every node that does not spare it
  absl::flat_hash_map<std::string, BlobLocation> blobs;  // by digest text; every blob of `images`
};

struct NodeEndpoint {
  std::string name;
  std::shared_ptr<v1::Agent::StubInterface> stub;
  std::set<std::string> spared = {};  // manifest digests of images that do not go to this node
};

// Those of `images` that go to the node.
std::vector<const v1::Image*> ImagesFor(const std::vector<v1::Image>& images,
                                        const NodeEndpoint& node);

struct NodeOutcome {
  std::string node;
  absl::Status status;            // OK: every name is proven
  std::vector<v1::Proof> proofs;  // one a name, when OK
  uint64_t moved_bytes = 0;       // blob bytes sent to this node
  absl::Status put_back;          // of a damaged package only: nothing of it is left on the node
};

struct LoadOutcome {
  std::vector<NodeOutcome> nodes;  // in the order of the endpoints
  // Not OK when the package itself is at fault (DataLoss, with the entry and its offset) or was
  // changed while it was read, and this came out before names were created anywhere: then every
  // node was put back (`put_back`). Later it is the failure of the node where it came out.
  absl::Status package;

  bool AllProven() const;
};

// How long a load bears with its nodes.
struct LoadPatience {
  // A node whose agent or containerd went away in mid-load may take so long to come back, and after
  // each attempt that brought it further again as long. A crashed pod is restarted by its kubelet
  // after 10 s, then 20 s.
  absl::Duration to_return = absl::Seconds(60);
  absl::Duration between_attempts = absl::Seconds(1);
  // So many attempts may break off on a node, even if each brings it further.
  int attempts = 100;
  // A node of which nothing is heard for that long hangs: an agent at work speaks every half
  // minute.
  absl::Duration silence = absl::Minutes(15);
};

// What a node does that has staged everything, on its row of the board.
inline constexpr char kWaitsForNodes[] = "waiting for the other nodes";

// Whether the package is what its vendor made, once that is known: it is found out beside the load.
// Must not block.
using PackageVerdict = std::function<std::optional<absl::Status>()>;

// Blocks until every node is done. Names are created only once `verdict` is OK; where it is not,
// the package is at fault, and where it is Cancelled, a stop signal came first. A stop signal
// (StopRequested) breaks the streams; what has arrived stays on the nodes for the next run. `board`
// has one row an endpoint, in the same order.
LoadOutcome RunLoad(const LoadWork& work, const std::vector<NodeEndpoint>& nodes,
                    ProgressBoard& board, const PackageVerdict& verdict,
                    const LoadPatience& patience = {});

}  // namespace lighter
