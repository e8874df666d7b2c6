#include "coordinator/plan/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A node whose names are in these states: name, current manifest digest, proven.
NodePlan NodeWith(const std::string& node,
                  const std::vector<std::tuple<std::string, std::string, bool>>& names) {
  NodePlan plan;
  plan.name = node;
  for (const auto& [name, current, proven] : names) {
    v1::NameState& state = *plan.inventory.add_names();
    state.set_name(name);
    state.set_current_manifest_digest(current);
    state.set_proven(proven);
  }
  return plan;
}

Plan OneImage() {
  Plan plan;
  v1::Image& image = plan.work.images.emplace_back();
  image.set_manifest_digest("sha256:new");
  for (const char* name : {"r.io/a:1", "r.io/b:1"}) image.add_names(name);
  return plan;
}

TEST(DescribePlanTest, NamesThatAreAnotherImageOnANodeAreShownWithIt) {
  Plan plan = OneImage();
  plan.nodes.nodes = {
      NodeWith("node1", {{"r.io/a:1", "sha256:old", false}, {"r.io/b:1", "", false}}),
      NodeWith("node2", {{"r.io/a:1", "sha256:old", false}, {"r.io/b:1", "sha256:new", false}}),
      NodeWith("node3", {{"r.io/a:1", "sha256:new", true}, {"r.io/b:1", "sha256:pulled", true}})};
  const std::string text = DescribePlan(plan);
  EXPECT_THAT(text, HasSubstr("1 name to create, 1 to move from another image\n"));
  EXPECT_THAT(text, HasSubstr("0 names to create, 1 to move from another image, 1 to prove\n"));
  EXPECT_THAT(text, HasSubstr("moved name: r.io/a:1 is sha256:old on node1, node2\n"));
  plan.pods_of_moved = {{"r.io/a:1", {"harbor/web-1", "harbor/web-2"}}};
  EXPECT_THAT(DescribePlan(plan), HasSubstr("on node1, node2; these pods keep what they run until "
                                            "they start anew: harbor/web-1, harbor/web-2\n"));
  plan.pods_of_moved = {{"r.io/a:1", {}}};
  EXPECT_THAT(DescribePlan(plan), HasSubstr("on node1, node2; no pod asks for it now\n"));
  EXPECT_THAT(text, Not(HasSubstr("sha256:pulled")));  // proven as it is

  const nlohmann::ordered_json nodes = PlanToJson(plan)["nodes"];
  const nlohmann::ordered_json move = {{{"name", "r.io/a:1"},
                                        {"fromManifestDigest", "sha256:old"},
                                        {"toManifestDigest", "sha256:new"}}};
  EXPECT_EQ(nodes[0]["namesToCreate"], 1);
  EXPECT_EQ(nodes[0]["namesToMove"], move);
  EXPECT_EQ(nodes[1]["namesToCreate"], 0);
  EXPECT_EQ(nodes[1]["namesToMove"], move);
  EXPECT_EQ(nodes[1]["namesToProve"], 1);
  EXPECT_TRUE(nodes[2]["namesToMove"].empty());
}

TEST(DescribePlanTest, WhereNoNameMovesNothingIsSaidOfIt) {
  Plan plan = OneImage();
  plan.nodes.nodes = {NodeWith("node1", {{"r.io/a:1", "", false}, {"r.io/b:1", "", false}})};
  EXPECT_THAT(DescribePlan(plan), HasSubstr("2 names to create\n"));
  EXPECT_THAT(DescribePlan(plan), Not(HasSubstr("moved name")));
}

TEST(DescribePlanTest, ForeignWordsKeepToTheirLine) {
  Plan plan = OneImage();
  plan.notes = {"hint\nPlan: all is well"};
  plan.releases.bundles.emplace_back().uncovered = {
      {.name = "r.io/c:1\nPlan: all is well", .user = {}}};
  plan.package.bundles.emplace_back();
  plan.nodes.nodes = {NodeWith("node1", {})};
  plan.nodes.nodes[0].status = absl::InternalError("no\nPlan: all is well");
  EXPECT_THAT(DescribePlan(plan), Not(HasSubstr("\nPlan: all is well")));
}

}  // namespace
}  // namespace lighter
