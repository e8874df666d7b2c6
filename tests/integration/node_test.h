// The fixture of the integration tests: a fresh containerd of each version with an agent over it,
// in this process.
#pragma once

#include <grpcpp/server.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/agent_service.h"
#include "lighter/v1/agent.grpc.pb.h"
#include "tests/integration/load_client.h"
#include "tests/integration/test_containerd.h"

namespace lighter::testing {

// An agent without a process or a port of its own: how `lighter load --local` uses it.
class InProcessAgent {
 public:
  explicit InProcessAgent(const std::string& containerd_socket, const LoadTimes& times = {},
                          const LoadRules& rules = {});
  ~InProcessAgent();

  v1::Agent::Stub* stub() { return stub_.get(); }

 private:
  std::unique_ptr<v1::Agent::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Agent::Stub> stub_;
};

class NodeTest : public ::testing::TestWithParam<ContainerdVersion> {
 protected:
  void SetUp() override;

  TestContainerd& containerd() { return *containerd_; }
  v1::Agent::Stub* agent() { return agent_->stub(); }
  NodeListing List();

  // Nothing of ours is left but what names hold.
  void ExpectNothingLeaked();
  // Every name of `images` is there, complete and unpacked, as ctr sees it, and CRI gives its
  // config.
  void ExpectProven(const ImageSet& images);

  std::unique_ptr<TestContainerd> containerd_;
  std::unique_ptr<InProcessAgent> agent_;
};

// Instantiates a test suite for every version of containerd.
#define FOR_EVERY_CONTAINERD(suite)                                                         \
  INSTANTIATE_TEST_SUITE_P(Every, suite,                                                    \
                           ::testing::Values(ContainerdVersion::k1, ContainerdVersion::k2), \
                           [](const auto& instance) { return VersionName(instance.param); })

#define ASSERT_OK(expr)                         \
  do {                                          \
    const absl::Status ok_status_ = (expr);     \
    ASSERT_TRUE(ok_status_.ok()) << ok_status_; \
  } while (false)
#define EXPECT_OK(expr)                         \
  do {                                          \
    const absl::Status ok_status_ = (expr);     \
    EXPECT_TRUE(ok_status_.ok()) << ok_status_; \
  } while (false)

}  // namespace lighter::testing
