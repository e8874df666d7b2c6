#include "coordinator/plan/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "common/status.h"
#include "coordinator/plan/plan.h"
#include "coordinator/process/stop_signal.h"
#include "tests/unit/coordinator/fake_agent.h"

namespace lighter {
namespace {

using test::FakeAgent;
using ::testing::HasSubstr;

std::vector<v1::Image> OneImage() {
  v1::Image image;
  image.add_names("example.com/a/b:1");
  return {image};
}

NodePlan NodeWith(const FakeAgent& agent) {
  NodePlan node;
  node.name = "node1";
  node.agent = "192.0.2.1:7443";
  node.endpoint = agent.Endpoint("node1");
  return node;
}

TEST(InventoryTest, ALostConnectionIsTriedAgain) {
  FakeAgent agent;
  agent.unreachable_inventories = 2;
  std::vector<NodePlan> nodes = {NodeWith(agent)};
  TakeInventory(OneImage(), nodes);
  ASSERT_TRUE(nodes[0].status.ok()) << nodes[0].status;
  EXPECT_EQ(nodes[0].inventory.names_size(), 1);
}

TEST(InventoryTest, AnAgentThatStaysAwayIsNamedAndHoldsNobodyElseBack) {
  FakeAgent away;
  away.unreachable_inventories = 1'000'000;
  FakeAgent there;
  std::vector<NodePlan> nodes = {NodeWith(away), NodeWith(there)};
  TakeInventory(OneImage(), nodes);
  EXPECT_EQ(nodes[0].status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(nodes[0].status), HasSubstr("192.0.2.1:7443 does not answer"));
  EXPECT_TRUE(nodes[1].status.ok()) << nodes[1].status;
}

TEST(InventoryTest, AnAnswerThatLeavesANameOutIsNoAnswer) {
  FakeAgent agent;
  std::vector<NodePlan> nodes = {NodeWith(agent)};
  agent.forget_names = true;
  TakeInventory(OneImage(), nodes);
  EXPECT_EQ(nodes[0].status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Message(nodes[0].status), HasSubstr("says nothing about example.com/a/b:1"));
}

TEST(InventoryTest, ANodeIsAskedForWhatGoesThere) {
  FakeAgent agent;
  std::vector<NodePlan> nodes = {NodeWith(agent), NodeWith(agent)};
  std::vector<v1::Image> images = OneImage();
  images[0].set_manifest_digest("sha256:a");
  nodes[1].endpoint.spared = {"sha256:a"};
  TakeInventory(images, nodes);
  for (const NodePlan& node : nodes) ASSERT_TRUE(node.status.ok()) << node.status;
  EXPECT_EQ(nodes[0].inventory.names_size(), 1);
  EXPECT_EQ(nodes[1].inventory.names_size(), 0);
  EXPECT_TRUE(nodes[1].proven());
}

TEST(InventoryTest, AnAgentThatKnowsNoNamesAloneIsToBeUpgraded) {
  FakeAgent agent;
  std::vector<NodePlan> nodes = {NodeWith(agent)};
  AskNames({"example.com/a/b:1"}, nodes);
  EXPECT_THAT(Message(nodes[0].status), HasSubstr("(version 9.9.9) cannot be asked"));
  EXPECT_THAT(Message(nodes[0].status), HasSubstr("lighter agent upgrade"));
}

TEST(InventoryTest, AnAgentOfAnotherProtocolIsToldApart) {
  FakeAgent old;
  old.protocol = 0;
  FakeAgent newer;
  newer.protocol = kProtocolVersion + 1;
  std::vector<NodePlan> nodes = {NodeWith(old), NodeWith(newer)};
  TakeInventory(OneImage(), nodes);
  EXPECT_THAT(Message(nodes[0].status), HasSubstr("(version 9.9.9) is too old"));
  EXPECT_THAT(Message(nodes[1].status), HasSubstr("speaks protocol"));
  for (const NodePlan& node : nodes) {
    EXPECT_EQ(node.status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(node.status), HasSubstr("`lighter agent upgrade`"));
    EXPECT_EQ(node.inventory.names_size(), 0);
  }
}

// A plan for which some nodes were never asked must not pass for a whole one.
TEST(InventoryTest, AfterAStopThereIsNoPlan) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stopped = [] {
    InstallStopSignals();
    ::raise(SIGINT);
    const absl::StatusOr<RunFolder> folder = RunFolder::Temporary();
    if (!folder.ok()) return false;
    PlanOptions options;
    options.local = true;
    options.containerd_socket = "/nowhere/c.sock";
    PlanMaker maker(std::move(options), *folder);
    Plan plan;
    plan.work.images = OneImage();
    return absl::IsCancelled(maker.RefreshNodes(plan));
  };
  EXPECT_EXIT(std::_Exit(stopped() ? 0 : 1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lighter
