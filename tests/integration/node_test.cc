#include "tests/integration/node_test.h"

#include <grpcpp/server_builder.h>

#include <utility>

#include "absl/strings/match.h"
#include "agent/containerd_client.h"
#include "common/limits.h"

namespace lighter::testing {

InProcessAgent::InProcessAgent(const std::string& containerd_socket, const LoadTimes& times,
                               const LoadRules& rules) {
  AgentOptions options;
  options.containerd_socket = containerd_socket;
  options.node_name = "node-1";
  options.times = times;
  options.rules = rules;
  options.require_coordinator_certificate = false;
  service_ = MakeAgentService(options);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  stub_ = v1::Agent::NewStub(server_->InProcessChannel({}));
}

InProcessAgent::~InProcessAgent() {
  stub_ = nullptr;
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
}

void NodeTest::SetUp() {
  absl::StatusOr<std::unique_ptr<TestContainerd>> started = TestContainerd::Start(GetParam());
  ASSERT_OK(started.status());
  containerd_ = *std::move(started);
  agent_ = std::make_unique<InProcessAgent>(containerd_->socket());
}

NodeListing NodeTest::List() {
  absl::StatusOr<NodeListing> listing = containerd_->List();
  EXPECT_OK(listing.status());
  return std::move(listing).value_or(NodeListing());
}

void NodeTest::ExpectNothingLeaked() {
  const NodeListing listing = List();
  EXPECT_TRUE(listing.leases.empty()) << ::testing::PrintToString(listing);
  EXPECT_TRUE(listing.ingests.empty()) << ::testing::PrintToString(listing);
  for (const std::string& snapshot : listing.snapshots) {
    EXPECT_TRUE(absl::StrContains(snapshot, "Committed")) << snapshot;
  }
}

void NodeTest::ExpectProven(const ImageSet& images) {
  const Containerd client(containerd_->socket());
  for (const v1::Image& image : images.start().images()) {
    for (const std::string& name : image.names()) {
      const absl::StatusOr<std::string> id = client.CriImageId(name);
      ASSERT_OK(id.status());
      EXPECT_EQ(*id, image.config().digest()) << name;
      const absl::StatusOr<std::string> check =
          containerd_->Ctr({"images", "check", "name==" + name});
      ASSERT_OK(check.status());
      // "NAME TYPE DIGEST complete (n/n) SIZE unpacked"
      EXPECT_TRUE(absl::StrContains(*check, image.manifest_digest())) << *check;
      EXPECT_TRUE(absl::StrContains(*check, " complete ")) << *check;
      EXPECT_TRUE(absl::StrContains(*check, "true")) << *check;
    }
  }
}

}  // namespace lighter::testing
