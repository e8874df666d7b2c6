// What tests of agents that act on the desired list share: such an agent, lists, and a peer.
#pragma once

#include <grpcpp/server_builder.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/pki.h"
#include "common/tls.h"
#include "tests/integration/agent_process.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {

// Another node's agent as far as peers see it, with blobs from memory.
class FakePeer final : public v1::Peer::Service {
 public:
  FakePeer(const ImageSet* images, const std::string& tls_folder);
  ~FakePeer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const;
  // Sends other bytes from now on.
  void Lie() { lies_ = true; }
  // Ends every answer with this blob at that byte from now on; nullopt: no more.
  void BreakOff(std::optional<std::pair<std::string, uint64_t>> at);
  int breaks() const { return breaks_; }
  // How often the blob of BreakOff was asked for from its first byte on.
  int starts() const { return starts_; }
  int calls() const { return calls_; }

  grpc::Status Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::FetchReply>* writer) override;

 private:
  const ImageSet* const images_;
  int port_ = 0;
  std::atomic<bool> lies_ = false;
  std::atomic<int> calls_ = 0;
  std::atomic<int> breaks_ = 0;
  std::atomic<int> starts_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::optional<std::pair<std::string, uint64_t>> broken_;
  std::unique_ptr<grpc::Server> server_;
};

// A node with containerd, an authority, and an image kName that its list holds.
class DesiredCase : public NodeTest {
 protected:
  static constexpr char kName[] = "example.com/a:1";
  static constexpr absl::Duration kPatience = absl::Seconds(40);
  using Peers = std::vector<std::pair<std::string, std::string>>;  // node, address

  void SetUp() override;

  // A TLS folder of the cluster's authority, for these names.
  std::string WriteTls(const std::vector<std::string>& names, const std::string& folder);

  // The list that holds `images_`, with these peers, as the mounted ConfigMap brings it.
  void WriteList(const Peers& peers, const Authority& authority);
  void WriteDesired(const v1::Desired& desired, const Authority& authority);
  v1::Desired List(const Peers& peers) const;

  // The agent of a node that has just joined: it has no certificate of its own.
  std::unique_ptr<AgentProcess> LateAgent(const std::vector<std::string>& more_flags = {});

  bool HasName();
  // Until the node has its image, and is seen to have it complete.
  void ExpectArrives(AgentProcess& agent);

  support::TempDir dir_;
  const Authority authority_ = *MakeAuthority();
  ImageSet images_;
};

}  // namespace lighter::testing
