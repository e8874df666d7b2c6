// Which nodes take part, and what each of them lacks.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/transfer/load.h"

namespace lighter {

// What a load takes of the disk that containerd's images are on.
struct NodeDisk {
  uint64_t free_bytes = 0;      // 0: not known
  uint64_t total_bytes = 0;     // 0: not known
  uint64_t stored_bytes = 0;    // blobs that are to move
  uint64_t unpacked_bytes = 0;  // the layers that are to be unpacked, as files; an estimate
  std::string note;             // worth knowing, for people: "N-DISK-GC: ..."

  uint64_t need_bytes() const { return stored_bytes + unpacked_bytes; }
};

// A node that takes part.
struct NodePlan {
  std::string name;
  std::string agent;      // where its agent is
  bool has_pod = true;    // the agent is a pod; else a service of the node, if it is there at all
  NodeEndpoint endpoint;  // stub null when there is no agent to talk to
  Node node;              // as the API server has it
  absl::Status status;    // why the node cannot be served; OK when `inventory` is there
  v1::InfoReply info;     // what the agent says of itself
  v1::InventoryReply inventory;
  NodeDisk disk;

  uint64_t missing_bytes() const;  // still to move to this node
  bool proven() const;             // nothing to do: every name is there and provable
};

struct LeftOutNode {
  std::string name;
  std::string cause;
  Node node = {};  // as the API server has it
};

struct NodeSelection {
  std::vector<NodePlan> nodes;
  std::vector<LeftOutNode> left_out;
};

// Adds what may be a service of the node, at its own address, for every node without an agent's
// pod.
void AddAgentsWithoutPods(const std::vector<Node>& nodes, std::vector<AgentPod>& agents);

// Makes the stub for the agent of `node` at "host:port".
using Dialer = std::function<std::shared_ptr<v1::Agent::StubInterface>(
    const std::string& node, const std::string& host_port)>;

// Every Ready Linux node whose runtime is containerd and whose architecture is `architecture`
// (empty: any) takes part; the others are left out with the cause. A node without a working agent
// takes part with an error status that says so.
NodeSelection SelectNodes(const std::vector<Node>& nodes, const std::vector<AgentPod>& agents,
                          const std::string& architecture, const Dialer& dial);

}  // namespace lighter
