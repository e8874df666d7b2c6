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

// A plan for which some nodes were never asked must not pass for a whole one.
TEST(InventoryTest, AfterAStopThereIsNoPlan) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stopped = [] {
    InstallStopSignals();
    ::raise(SIGINT);
    const absl::StatusOr<RunFolder> folder = RunFolder::Temporary();
    if (!folder.ok()) return false;
    PlanMaker maker({.local = true, .containerd_socket = "/nowhere/c.sock"}, *folder);
    Plan plan;
    plan.work.images = OneImage();
    return absl::IsCancelled(maker.RefreshNodes(plan));
  };
  EXPECT_EXIT(std::_Exit(stopped() ? 0 : 1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lighter
