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
using ::testing::IsEmpty;

TEST(RemoveRunTest, AnAgentOfAnotherProtocolIsNotAsked) {
  FakeAgent old;
  old.protocol = kProtocolVersion - 1;
  FakeAgent current;
  RemoveTargets targets;
  targets.nodes = {{.node = "node1"}, {.node = "node2"}};
  targets.node_of = {0, 1};
  targets.endpoints = {old.Endpoint("node1"), current.Endpoint("node2")};
  v1::RemoveRequest request;
  v1::NamedImage* const image = request.add_images();
  image->set_name("example.com/a/b:1");
  request.set_dry_run(true);
  RemoveOnNodes(request, targets);
  EXPECT_EQ(old.removals, 0);
  EXPECT_THAT(Message(targets.nodes[0].status), HasSubstr("`lighter agent upgrade`"));
  EXPECT_THAT(targets.nodes[0].removed, IsEmpty());
  EXPECT_EQ(current.removals, 1);
  EXPECT_TRUE(targets.nodes[1].status.ok()) << targets.nodes[1].status;
  EXPECT_THAT(targets.nodes[1].removed, ElementsAre("example.com/a/b:1"));
}

}  // namespace
}  // namespace lighter
