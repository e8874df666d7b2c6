#include "coordinator/plan/name_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/cluster/image_pods.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// One image of one bundle, under a name that this witness gives it and that a node has for another.
Plan WithMove(NameWitness witness) {
  Plan plan;
  v1::Image& image = plan.work.images.emplace_back();
  image.set_manifest_digest("sha256:new");
  image.add_names("r.io/a:1");
  PlannedBundle& planned = plan.releases.bundles.emplace_back();
  planned.merged_digest = Digest::Of("values");
  planned.names.targets = {{0, "r.io/a:1", "r.io/a:1", witness}};
  v1::NameState& state = *plan.nodes.nodes.emplace_back().inventory.add_names();
  state.set_name("r.io/a:1");
  state.set_current_manifest_digest("sha256:old");
  return plan;
}

TEST(LeaveTakenNamesTest, ANameOfTheArchiveThatNobodyAsksForStaysWhatItIs) {
  Plan plan = WithMove(NameWitness::kSource);
  EXPECT_TRUE(LeaveTakenNames(plan));
  EXPECT_THAT(plan.releases.bundles[0].names.targets, IsEmpty());
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("N-NAME-TAKEN: r.io/a:1: ")));
}

TEST(LeaveTakenNamesTest, ANameThatSomebodyAsksForMoves) {
  for (const NameWitness witness : {NameWitness::kHint, NameWitness::kRendered}) {
    Plan plan = WithMove(witness);
    EXPECT_FALSE(LeaveTakenNames(plan));
    EXPECT_EQ(plan.releases.bundles[0].names.targets.size(), 1u);
  }
  Plan by_another = WithMove(NameWitness::kSource);
  by_another.releases.bundles.push_back(WithMove(NameWitness::kHint).releases.bundles[0]);
  EXPECT_FALSE(LeaveTakenNames(by_another));
}

TEST(LeaveTakenNamesTest, WithoutAChartItsNamesAreWhatIsWanted) {
  Plan plan = WithMove(NameWitness::kSource);
  plan.releases.bundles[0].merged_digest = {};
  EXPECT_FALSE(LeaveTakenNames(plan));
}

TEST(LeaveTakenNamesTest, AFreeNameIsTaken) {
  Plan plan = WithMove(NameWitness::kSource);
  plan.nodes.nodes[0].inventory.mutable_names(0)->clear_current_manifest_digest();
  EXPECT_FALSE(LeaveTakenNames(plan));
  EXPECT_THAT(NamesToMove(plan), IsEmpty());
}

TEST(ParseImagePodsTest, EveryPodIsToldUnderEveryImageOfIts) {
  const auto pods = ParseImagePods(R"({"kind": "List", "items": [
    {"metadata": {"namespace": "harbor", "name": "web-1"},
     "spec": {"initContainers": [{"image": "busybox"}], "containers": [{"image": "r.io/a:1"}]}},
    {"metadata": {"namespace": "other", "name": "b"}, "spec": {"containers": [{"image": "r.io/a:1"}]}}]})");
  ASSERT_TRUE(pods.ok()) << pods.status();
  EXPECT_THAT(*pods,
              ElementsAre(Pair("docker.io/library/busybox:latest", ElementsAre("harbor/web-1")),
                          Pair("r.io/a:1", ElementsAre("harbor/web-1", "other/b"))));
}

TEST(MovedUnderTest, OnlyNamesThatRunNowCount) {
  Plan plan = WithMove(NameWitness::kRendered);
  PlannedBundle& planned = plan.releases.bundles[0];
  EXPECT_THAT(NamesToMove(plan), ElementsAre("r.io/a:1"));
  EXPECT_THAT(MovedUnder(planned, NamesToMove(plan)), IsEmpty());
  planned.running.manifests =
      "kind: Pod\nspec: {containers: [{image: r.io/a:1}, {image: r.io/b:1}]}";
  EXPECT_THAT(MovedUnder(planned, NamesToMove(plan)), ElementsAre("r.io/a:1"));
}

}  // namespace
}  // namespace lighter
