#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/desired.h"
#include "coordinator/desired/merge.h"
#include "coordinator/run/publish_load.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

struct Named {
  std::string name;
  char digest;  // a letter for a digest
};

void AddImage(google::protobuf::RepeatedPtrField<v1::DesiredImage>& images, const Named& named) {
  v1::DesiredImage& image = *images.Add();
  image.set_manifest_digest("sha256:" + std::string(64, named.digest));
  image.set_manifest_media_type("application/vnd.docker.distribution.manifest.v2+json");
  image.set_manifest_size(100);
  image.add_names(named.name);
}

LoadedRelease Loaded(const std::string& name, const std::vector<Named>& images,
                     const std::string& chart = "web") {
  LoadedRelease loaded;
  loaded.chart = chart;
  loaded.entry.set_name(name);
  loaded.entry.set_chart_version("1.0.0");
  loaded.entry.set_loaded_unix_seconds(1000);
  for (const Named& named : images) AddImage(*loaded.entry.mutable_images(), named);
  return loaded;
}

v1::DesiredPeer Peer(const std::string& node, const std::string& address) {
  v1::DesiredPeer peer;
  peer.set_node(node);
  peer.set_address(address);
  return peer;
}

DesiredChange Change(std::vector<LoadedRelease> releases) {
  return {.releases = std::move(releases), .peers = {Peer("node1", "10.0.0.1:7443")}};
}

// "name digest's letter" of each name.
std::vector<std::string> Names(const google::protobuf::RepeatedPtrField<v1::DesiredImage>& images) {
  std::vector<std::string> names;
  for (const v1::DesiredImage& image : images) {
    for (const std::string& name : image.names()) {
      names.push_back(name + " " + image.manifest_digest().substr(7, 1));
    }
  }
  return names;
}

v1::Desired AfterOne() {
  return MergeDesired({}, Change({Loaded("ns/web", {{"r.io/a:1", 'a'}, {"r.io/b:1", 'b'}})}));
}

TEST(MergeDesiredTest, ANewReleaseStartsTheList) {
  const v1::Desired list = AfterOne();
  EXPECT_EQ(list.generation(), 1u);
  ASSERT_THAT(list.releases(), SizeIs(1));
  EXPECT_EQ(list.releases(0).name(), "ns/web");
  EXPECT_EQ(list.releases(0).loaded_unix_seconds(), 1000);
  EXPECT_THAT(Names(list.releases(0).images()), ElementsAre("r.io/a:1 a", "r.io/b:1 b"));
  EXPECT_THAT(list.releases(0).previous_images(), IsEmpty());
  ASSERT_THAT(list.peers(), SizeIs(1));
  EXPECT_EQ(list.peers(0).address(), "10.0.0.1:7443");
}

TEST(MergeDesiredTest, TheSameAgainChangesNothingInWhateverOrder) {
  const v1::Desired list = AfterOne();
  LoadedRelease again = Loaded("ns/web", {{"r.io/b:1", 'b'}, {"r.io/a:1", 'a'}});
  again.entry.set_loaded_unix_seconds(2000);
  const v1::Desired same = MergeDesired(list, Change({again}));
  EXPECT_EQ(same.SerializeAsString(), list.SerializeAsString());
}

TEST(MergeDesiredTest, ChangedImagesKeepTheOnesBeforeForOneChange) {
  v1::Desired list = AfterOne();
  list = MergeDesired(list, Change({Loaded("ns/web", {{"r.io/a:2", 'c'}})}));
  EXPECT_EQ(list.generation(), 2u);
  EXPECT_THAT(Names(list.releases(0).images()), ElementsAre("r.io/a:2 c"));
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/a:1 a", "r.io/b:1 b"));

  const v1::Desired same = MergeDesired(list, Change({Loaded("ns/web", {{"r.io/a:2", 'c'}})}));
  EXPECT_EQ(same.SerializeAsString(), list.SerializeAsString());

  list = MergeDesired(list, Change({Loaded("ns/web", {{"r.io/a:3", 'd'}})}));
  EXPECT_EQ(list.generation(), 3u);
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/a:2 c"));
}

TEST(MergeDesiredTest, AnotherChartVersionOfTheSameImagesKeepsThePreviousOnes) {
  v1::Desired list = AfterOne();
  list = MergeDesired(list, Change({Loaded("ns/web", {{"r.io/a:2", 'c'}})}));
  LoadedRelease next = Loaded("ns/web", {{"r.io/a:2", 'c'}});
  next.entry.set_chart_version("1.0.1");
  list = MergeDesired(list, Change({next}));
  EXPECT_EQ(list.generation(), 3u);
  EXPECT_EQ(list.releases(0).chart_version(), "1.0.1");
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/a:1 a", "r.io/b:1 b"));
}

LoadedRelease At(int revision, const std::string& running, const std::string& version,
                 const std::vector<Named>& images) {
  LoadedRelease loaded = Loaded("ns/web", images);
  loaded.entry.set_revision(revision);
  loaded.entry.set_chart_version(version);
  loaded.running_version = running;
  loaded.is_deployed = true;
  return loaded;
}

// Loading ahead of the window, perhaps twice: what runs meanwhile is held all the time.
TEST(MergeDesiredTest, WhatTheReleaseRunsIsKeptWhateverIsLoadedAheadOfAnUpgrade) {
  v1::Desired list = MergeDesired({}, Change({At(4, "1.0.0", "2.0.0", {{"r.io/a:2", 'b'}})}));
  // It was installed: revision 5 runs 2.0.0.
  list = MergeDesired(list, Change({At(5, "2.0.0", "3.0.0", {{"x.io/a:3", 'c'}})}));
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/a:2 b"));
  list = MergeDesired(list, Change({At(5, "2.0.0", "3.0.0", {{"y.io/a:3", 'c'}})}));
  EXPECT_THAT(Names(list.releases(0).images()), ElementsAre("y.io/a:3 c"));
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/a:2 b"));
  // 3.0.0 was installed, and helm went back to 2.0.0.
  list = MergeDesired(list, Change({At(7, "2.0.0", "4.0.0", {{"y.io/a:4", 'd'}})}));
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/a:2 b"));
  // 4.0.0 was installed.
  list = MergeDesired(list, Change({At(8, "4.0.0", "5.0.0", {{"y.io/a:5", 'e'}})}));
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("y.io/a:4 d"));
}

// One chart version under several registries, a failed upgrade, a reinstallation: neither versions
// nor revisions tell what runs.
TEST(MergeDesiredTest, WhereItCannotBeToldWhatRunsBothAreKept) {
  const auto both = [](LoadedRelease second, LoadedRelease third) {
    v1::Desired list = MergeDesired({}, Change({At(4, "1.0.0", "2.0.0", {{"x.io/a:2", 'b'}})}));
    list = MergeDesired(list, Change({std::move(second)}));
    list = MergeDesired(list, Change({std::move(third)}));
    return Names(list.releases(0).previous_images());
  };
  const auto x_and_y = UnorderedElementsAre("x.io/a:2 b", "y.io/a:2 c");
  EXPECT_THAT(both(At(5, "2.0.0", "2.0.0", {{"y.io/a:2", 'c'}}),
                   At(7, "2.0.0", "2.0.0", {{"z.io/a:2", 'd'}})),
              x_and_y);
  LoadedRelease after_a_failure = At(6, "3.0.0", "4.0.0", {{"z.io/a:2", 'd'}});
  after_a_failure.is_deployed = false;
  EXPECT_THAT(both(At(5, "2.0.0", "3.0.0", {{"y.io/a:2", 'c'}}), after_a_failure), x_and_y);
  // Installed anew, at the revision of the last load.
  EXPECT_THAT(both(At(5, "2.0.0", "3.0.0", {{"y.io/a:2", 'c'}}),
                   At(5, "3.0.0", "4.0.0", {{"z.io/a:2", 'd'}})),
              x_and_y);
}

TEST(MergeDesiredTest, ReleasesDoNotDisturbEachOther) {
  v1::Desired list = AfterOne();
  list = MergeDesired(list, Change({Loaded("ns/db", {{"r.io/db:1", 'e'}}, "db")}));
  EXPECT_EQ(list.generation(), 2u);
  ASSERT_THAT(list.releases(), SizeIs(2));
  EXPECT_EQ(list.releases(0).SerializeAsString(), AfterOne().releases(0).SerializeAsString());
  EXPECT_THAT(Names(list.releases(1).images()), ElementsAre("r.io/db:1 e"));
}

TEST(MergeDesiredTest, PeersAreThoseOfTheLastLoadAndNodesThatTookNoPart) {
  v1::Desired list = AfterOne();
  DesiredChange change = Change({Loaded("ns/web", {{"r.io/a:1", 'a'}, {"r.io/b:1", 'b'}})});
  change.peers = {Peer("node2", "10.0.0.2:7443")};
  change.other_nodes = {"node1"};
  list = MergeDesired(list, change);
  EXPECT_EQ(list.generation(), 2u);
  ASSERT_THAT(list.peers(), SizeIs(2));
  change.other_nodes = {};
  list = MergeDesired(list, change);
  EXPECT_EQ(list.generation(), 3u);
  ASSERT_THAT(list.peers(), SizeIs(1));
  EXPECT_EQ(list.peers(0).node(), "node2");
}

TEST(MergeDesiredTest, TheFirstReleaseOfAChartTakesItsEntryOver) {
  const v1::Desired alone = MergeDesired({}, Change({Loaded("web", {{"r.io/a:1", 'a'}})}));
  ASSERT_TRUE(IsChartAlone(alone.releases(0)));
  const v1::Desired same = MergeDesired(alone, Change({Loaded("ns/web", {{"r.io/a:1", 'a'}})}));
  ASSERT_THAT(same.releases(), SizeIs(1));
  EXPECT_EQ(same.releases(0).name(), "ns/web");
  EXPECT_EQ(same.generation(), 2u);
  EXPECT_THAT(same.releases(0).previous_images(), IsEmpty());

  const v1::Desired other = MergeDesired(alone, Change({Loaded("ns/web", {{"r.io/a:2", 'b'}})}));
  ASSERT_THAT(other.releases(), SizeIs(1));
  EXPECT_THAT(Names(other.releases(0).previous_images()), ElementsAre("r.io/a:1 a"));
}

TEST(MergeDesiredTest, ALaterReleaseReplacesAChartAloneWithTheSameImagesOnly) {
  v1::Desired list = MergeDesired({}, Change({Loaded("ns/web", {{"r.io/a:1", 'a'}})}));
  list = MergeDesired(list, Change({Loaded("web", {{"r.io/a:2", 'b'}})}));
  ASSERT_THAT(list.releases(), SizeIs(2));
  EXPECT_THAT(MergeDesired(list, Change({Loaded("ns/web", {{"r.io/a:3", 'c'}})})).releases(),
              SizeIs(2));
  EXPECT_THAT(MergeDesired(list, Change({Loaded("ns/web", {{"r.io/a:2", 'b'}, {"r.io/b:2", 'd'}})}))
                  .releases(),
              SizeIs(1));
}

TEST(MergeDesiredTest, ANameIsHeldForWhatWasLoadedLast) {
  v1::Desired list = AfterOne();
  list = MergeDesired(list, Change({Loaded("ns/db", {{"r.io/a:1", 'x'}}, "db")}));
  EXPECT_THAT(Names(list.releases(0).images()), ElementsAre("r.io/b:1 b"));
  EXPECT_THAT(Names(list.releases(1).images()), ElementsAre("r.io/a:1 x"));
  // A tag that moved: the image before cannot be had under that name any more.
  list =
      MergeDesired(AfterOne(), Change({Loaded("ns/web", {{"r.io/a:1", 'y'}, {"r.io/b:1", 'b'}})}));
  EXPECT_THAT(Names(list.releases(0).images()), UnorderedElementsAre("r.io/a:1 y", "r.io/b:1 b"));
  EXPECT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/b:1 b"));
}

TEST(MergeDesiredTest, AChartWithoutImagesGetsNoEntry) {
  EXPECT_THAT(MergeDesired({}, Change({Loaded("ns/web", {})})).releases(), IsEmpty());
}

// A load of ns/web, whose image need not be on these nodes.
DesiredChange Placed(const std::string& release, const std::set<std::string>& spared) {
  DesiredChange change = Change({Loaded(release, {{"r.io/a:1", 'a'}})});
  change.node_sets = {MakeNodeSet(spared)};
  change.releases[0].entry.mutable_images(0)->set_spared(change.node_sets[0].id());
  return change;
}

TEST(MergeDesiredTest, AnImageIsWantedWhereAnyReleaseWantsIt) {
  v1::Desired list = MergeDesired({}, Placed("ns/web", {"node1", "node2"}));
  list = MergeDesired(list, Placed("ns/other", {"node2", "node3"}));
  EXPECT_THAT(list.node_sets(), SizeIs(2));
  const auto wanted = [&list](const std::string& node) {
    std::vector<std::string> names;
    const v1::Desired mine = WantedOn(list, node);
    for (const v1::DesiredRelease& entry : mine.releases()) {
      if (!entry.images().empty()) names.push_back(entry.name());
    }
    return names;
  };
  EXPECT_THAT(wanted("node1"), ElementsAre("ns/other"));
  EXPECT_THAT(wanted("node2"), IsEmpty());
  EXPECT_THAT(wanted("node3"), ElementsAre("ns/web"));
  EXPECT_THAT(wanted("node4"), ElementsAre("ns/web", "ns/other"));  // it joined later
}

TEST(MergeDesiredTest, TheSameImagesInOtherPlacesLeaveTheWayBackAlone) {
  v1::Desired list = MergeDesired({}, Change({Loaded("ns/web", {{"r.io/b:1", 'b'}})}));
  list = MergeDesired(list, Placed("ns/web", {"node1"}));
  ASSERT_THAT(Names(list.releases(0).previous_images()), ElementsAre("r.io/b:1 b"));
  const v1::Desired moved = MergeDesired(list, Placed("ns/web", {"node2"}));
  EXPECT_EQ(moved.generation(), list.generation() + 1);
  EXPECT_THAT(Names(moved.releases(0).previous_images()), ElementsAre("r.io/b:1 b"));
  ASSERT_THAT(moved.node_sets(), SizeIs(1));  // nobody names the other any more
  EXPECT_THAT(moved.node_sets(0).nodes(), ElementsAre("node2"));
  EXPECT_EQ(MergeDesired(moved, Placed("ns/web", {"node2"})).generation(), moved.generation());
}

TEST(ChangeOfLoadTest, PlacesAreInTheList) {
  Plan plan;
  Bundle& bundle = plan.package.bundles.emplace_back();
  bundle.chart_name = "web";
  PlannedBundle& planned = plan.releases.bundles.emplace_back();
  for (const char* name : {"somewhere", "nowhere"}) {
    const Digest digest = Digest::Of(name);
    bundle.images.images.emplace_back().manifest_digest = digest;
    planned.names.targets.push_back(
        {.image = bundle.images.images.size() - 1, .source_name = "", .name = name});
    plan.work.images.emplace_back().set_manifest_digest(digest.str());
    plan.placement.images[digest.str()].spared = {"node1"};
  }
  plan.placement.images[Digest::Of("nowhere").str()].spared.insert("node2");
  for (const char* node : {"node1", "node2"}) plan.nodes.nodes.emplace_back().name = node;
  Apply(plan.placement, plan.nodes);

  const DesiredChange change = ChangeOfLoad(plan, absl::FromUnixSeconds(77));
  ASSERT_THAT(change.releases, SizeIs(1));
  ASSERT_THAT(Names(change.releases[0].entry.images()), SizeIs(1));  // what nobody has is not held
  const v1::Desired list = MergeDesired({}, change);
  EXPECT_THAT(SparedNodes(list, list.releases(0).images(0))->nodes(), ElementsAre("node1"));
}

TEST(ChangeOfLoadTest, TakesEachBundlesImagesAndEveryNode) {
  Plan plan;
  Bundle& bundle = plan.package.bundles.emplace_back();
  bundle.chart_name = "web";
  bundle.chart_version = "2.0.0";
  ArchiveImage& image = bundle.images.images.emplace_back();
  image.manifest_digest = Digest::Of("manifest");
  for (const char* release : {"web", ""}) {
    PlannedBundle& planned = plan.releases.bundles.emplace_back();
    planned.release.name = release;
    planned.release.ns = "ns";
    planned.release.revision = 7;
    planned.installed_version = "1.0.0";
    planned.names.targets.push_back({.image = 0, .source_name = "", .name = "r.io/a:1"});
  }
  v1::Image& work = plan.work.images.emplace_back();
  work.set_manifest("manifest");
  work.set_manifest_digest(Digest::Of("manifest").str());
  plan.nodes.nodes.emplace_back().name = "node1";
  plan.nodes.nodes.back().agent = "10.0.0.1:7443";
  plan.nodes.left_out = {{"node2", "it is not Ready"}};

  const DesiredChange change = ChangeOfLoad(plan, absl::FromUnixSeconds(77));
  ASSERT_THAT(change.releases, SizeIs(2));
  EXPECT_EQ(change.releases[0].entry.name(), "ns/web");
  EXPECT_EQ(change.releases[1].entry.name(), "web");
  EXPECT_EQ(change.releases[0].entry.chart_version(), "2.0.0");
  EXPECT_EQ(change.releases[0].entry.revision(), 7);
  EXPECT_EQ(change.releases[0].running_version, "1.0.0");
  EXPECT_EQ(change.releases[0].entry.loaded_unix_seconds(), 77);
  EXPECT_EQ(change.releases[0].entry.images(0).manifest_size(), 8u);
  EXPECT_THAT(change.peers, SizeIs(1));
  EXPECT_THAT(change.other_nodes, ElementsAre("node2"));
}

TEST(ChangeOfLoadTest, ArchivesOfOneNameHaveEntriesOfTheirOwn) {
  std::set<std::string> entries;
  for (const char* manifest : {"one", "other", "one"}) {
    Plan plan;
    Bundle& bundle = plan.package.bundles.emplace_back();
    bundle.name = "images.tar";
    bundle.images.images.emplace_back().manifest_digest = Digest::Of(manifest);
    PlannedBundle& planned = plan.releases.bundles.emplace_back();
    planned.names.targets.push_back({.image = 0, .source_name = "", .name = "r.io/a:1"});
    const DesiredChange change = ChangeOfLoad(plan, absl::FromUnixSeconds(77));
    ASSERT_THAT(change.releases, SizeIs(1));
    EXPECT_TRUE(IsChartAlone(change.releases[0].entry));
    entries.insert(change.releases[0].entry.name());
  }
  EXPECT_THAT(entries, SizeIs(2));
  EXPECT_THAT(*entries.begin(), ::testing::MatchesRegex("images\\.tar-[0-9a-f]{12}"));
}

}  // namespace
}  // namespace lighter
