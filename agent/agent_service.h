// The agent's gRPC service (proto/lighter/v1/agent.proto) over one containerd.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/call_group.h"
#include "agent/load_gate.h"
#include "agent/load_rules.h"
#include "agent/load_times.h"
#include "lighter/v1/agent.grpc.pb.h"

namespace lighter {

class DesiredList;
class Keeper;

struct AgentOptions {
  std::string containerd_socket = "/run/containerd/containerd.sock";
  std::string node_name;
  // Demand that every caller's certificate carries lighter-coordinator. Off only where the
  // transport itself is private: in-process, or a unix socket of mode 0600.
  bool require_coordinator_certificate = true;
  LoadTimes times;
  LoadRules rules;
  // Shared by all services of one process over one containerd; null: one of its own.
  std::shared_ptr<LoadGate> gate;
  // Cancelled when the process is to end: calls that are running end then. May be null, and must
  // outlive the service.
  CallGroup* calls = nullptr;
  // The cluster's desired list and what keeps this node to it; both or none, and both must outlive
  // the service.
  DesiredList* desired = nullptr;
  Keeper* keeper = nullptr;
  std::string certificate_file;  // the agent's own, for Info; may be empty
  std::string pull_records;      // kubelet's folder of them; empty: nothing is known of its pulls
  // The node's own registry, for Info: its address, and who is to ask it first (from any thread).
  // Both may be empty.
  std::string registry;
  std::function<std::vector<v1::Mirror>()> mirrors;
  // Told in one line how each load began and ended; from any thread. May be empty.
  std::function<void(const std::string&)> log;
};

// Thread-safe. Holds channels to containerd's socket; connects on first use, so it can be made
// before containerd runs and survives its restarts.
std::unique_ptr<v1::Agent::Service> MakeAgentService(const AgentOptions& options);

}  // namespace lighter
