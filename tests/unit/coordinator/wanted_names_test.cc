#include "coordinator/verify/wanted_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/desired.h"

namespace lighter {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

constexpr char kPod[] = R"(---
apiVersion: v1
kind: Pod
spec:
  containers:
  - image: r.io/a/web:1
    imagePullPolicy: Never
    args: ["--helper=r.io/a/helper:1", "--other=r.io/a/stranger:1"]
)";

class WantedNamesTest : public ::testing::Test {
 protected:
  WantedNamesTest() {
    revision_ = {.revision = 2, .chart = "web", .version = "0.2.0", .manifests = kPod};
    entry_ = list_.add_releases();
    entry_->set_name("harbor/web");
    entry_->set_chart_version("0.2.0");
    AddImage(entry_->add_images(), {"r.io/a/web:1", "r.io/a/hinted:1"});
    AddImage(entry_->add_previous_images(), {"r.io/a/helper:1", "r.io/a/older:1"});
    entry_->set_previous_chart_version("0.1.0");
  }

  static void AddImage(v1::DesiredImage* image, const std::vector<std::string>& names) {
    image->set_manifest_digest("sha256:" + std::string(64, static_cast<char>('0' + names.size())));
    for (const std::string& name : names) image->add_names(name);
  }

  WantedNames Find() const {
    absl::StatusOr<WantedNames> wanted = FindWantedNames(release_, revision_, list_);
    EXPECT_TRUE(wanted.ok()) << wanted.status();
    return wanted.value_or(WantedNames());
  }

  Release release_ = {
      .name = "web", .ns = "harbor", .chart = "web-0.2.0", .status = "deployed", .revision = 2};
  StoredRevision revision_;
  v1::Desired list_;
  v1::DesiredRelease* entry_;
};

TEST_F(WantedNamesTest, AreThoseOfPodsOfArgumentsThatTheListHoldsAndOfTheVersion) {
  const WantedNames wanted = Find();
  EXPECT_TRUE(wanted.is_listed);
  EXPECT_THAT(wanted.uses,
              ElementsAre(Key("r.io/a/helper:1"), Key("r.io/a/hinted:1"), Key("r.io/a/web:1")));
  EXPECT_TRUE(wanted.uses.at("r.io/a/helper:1").is_asked_for) << "a pod may make others of it";
  EXPECT_FALSE(wanted.uses.at("r.io/a/hinted:1").is_asked_for);
  EXPECT_THAT(wanted.uses.at("r.io/a/web:1").pods.policies, ElementsAre(PullPolicy::kNever));
  EXPECT_THAT(wanted.held, Contains(Key("r.io/a/hinted:1")));
}

TEST_F(WantedNamesTest, OfTheRevisionBeforeAreWhatTheListKeepsForARollback) {
  revision_.version = "0.1.0";
  EXPECT_THAT(Find().uses, Contains(Key("r.io/a/older:1")));
  EXPECT_THAT(Find().uses, Not(Contains(Key("r.io/a/hinted:1"))));
}

TEST_F(WantedNamesTest, OfAnOlderRevisionAreItsManifestsAlone) {
  revision_.version = "0.0.9";
  EXPECT_THAT(Find().uses, ElementsAre(Key("r.io/a/helper:1"), Key("r.io/a/web:1")));
}

TEST_F(WantedNamesTest, AReleaseWithoutAnEntryIsTakenForInstalledFromItsChartAlone) {
  release_.ns = "elsewhere";
  EXPECT_FALSE(Find().is_listed);
  entry_->set_name("web");
  EXPECT_TRUE(Find().is_listed);
}

TEST_F(WantedNamesTest, WhatIsNoNameIsANote) {
  revision_.manifests = "kind: Pod\nspec:\n  containers:\n  - image: \"R.io/A B\"\n";
  ASSERT_EQ(Find().notes.size(), 1U);
  EXPECT_THAT(Find().notes[0], HasSubstr("R.io/A B"));
}

TEST_F(WantedNamesTest, ArePlacedByThePodsOfTheRevisionAndByTheOperatorsChoice) {
  revision_.manifests = R"(---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  nodeSelector: {gpu: "true"}
  containers: [{image: "r.io/a/web:1"}]
)";
  NodeSelection nodes;
  for (const char* name : {"node1", "node2", "node3"}) {
    nodes.nodes.emplace_back().node.name = name;
  }
  nodes.nodes[1].node.labels = {{"gpu", "true"}};
  *list_.add_node_sets() = MakeNodeSet({"node2"});
  const auto place = [&](bool is_listed, bool is_chosen) {
    v1::DesiredImage& image = *entry_->mutable_images(0);
    image.set_spared(is_listed ? list_.node_sets(0).id() : "");
    image.set_is_chosen(is_chosen);
    WantedNames wanted = Find();
    PlaceNames(nodes, wanted);
    return std::pair(wanted.uses.at("r.io/a/web:1").spared,
                     wanted.uses.at("r.io/a/hinted:1").spared);
  };
  using Nodes = std::set<std::string>;
  EXPECT_EQ(place(false, false), std::pair(Nodes({"node1", "node3"}), Nodes()));
  // What the load found is not what is so today; of what no pod asks for nothing else is known.
  EXPECT_EQ(place(true, false), std::pair(Nodes({"node1", "node3"}), Nodes({"node2"})));
  EXPECT_EQ(place(true, true), std::pair(Nodes({"node2"}), Nodes({"node2"})));
}

TEST_F(WantedNamesTest, DamagedManifestsAreAnError) {
  revision_.manifests = "containers: [";
  EXPECT_FALSE(FindWantedNames(release_, revision_, list_).ok());
}

}  // namespace
}  // namespace lighter
