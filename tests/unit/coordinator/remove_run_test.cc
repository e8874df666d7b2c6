#include "coordinator/run/remove_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "tests/unit/coordinator/fake_agent.h"

namespace lighter {
namespace {

using test::FakeAgent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RemoveRunTest : public ::testing::Test {
 protected:
  RemoveRunTest() {
    targets_.nodes = {{.node = "node1"}, {.node = "node2"}};
    targets_.node_of = {0, 1};
    targets_.endpoints = {first_.Endpoint("node1"), second_.Endpoint("node2")};
  }

  FakeAgent first_;
  FakeAgent second_;
  RemoveTargets targets_;
};

TEST_F(RemoveRunTest, AnAgentOfAnotherProtocolEndsItBeforeAnythingIsChanged) {
  first_.protocol = kProtocolVersion - 1;
  const absl::Status status = CheckAgents(targets_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("nothing was changed; node1: "));
  EXPECT_THAT(Message(status), HasSubstr("`lighter agent upgrade`"));
}

TEST_F(RemoveRunTest, AnAgentThatDoesNotAnswerIsToldAndTheOthersAreAsked) {
  first_.info_answer = {grpc::StatusCode::UNAVAILABLE, "connection lost"};
  ASSERT_EQ(CheckAgents(targets_), absl::OkStatus());
  v1::RemoveRequest request;
  request.add_images()->set_name("example.com/a/b:1");
  RemoveOnNodes(request, targets_);
  EXPECT_FALSE(targets_.nodes[0].status.ok());
  EXPECT_TRUE(targets_.nodes[1].status.ok()) << targets_.nodes[1].status;
  EXPECT_THAT(targets_.nodes[1].removed, ElementsAre("example.com/a/b:1"));
  EXPECT_EQ(first_.removals, 0);
}

TEST_F(RemoveRunTest, AllReadyAgentsAreAsked) {
  ASSERT_EQ(CheckAgents(targets_), absl::OkStatus());
  v1::RemoveRequest request;
  v1::NamedImage* const image = request.add_images();
  image->set_name("example.com/a/b:1");
  RemoveOnNodes(request, targets_);
  for (const PrunedNode& node : targets_.nodes) {
    EXPECT_TRUE(node.status.ok()) << node.status;
    EXPECT_THAT(node.removed, ElementsAre("example.com/a/b:1"));
  }
  EXPECT_EQ(first_.removals + second_.removals, 2);
}

}  // namespace
}  // namespace lighter
