#include "agent/snapshotter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lighter {
namespace {

using ::testing::HasSubstr;

SnapshotterFacts Facts() {
  return {.usable = {{"native", "/var/lib/containerd/io.containerd.snapshotter.v1.native"},
                     {"overlayfs", "/data/overlay"},
                     {"stargz", ""}},
          .image_folder = "",
          .namespace_default = ""};
}

TEST(SnapshotterTest, CriIsBelievedFirst) {
  SnapshotterFacts facts = Facts();
  facts.namespace_default = "overlayfs";
  facts.image_folder = "/var/lib/containerd/io.containerd.snapshotter.v1.native";
  EXPECT_EQ(ChooseSnapshotter(facts).value_or(""), "native");
}

TEST(SnapshotterTest, ASnapshotterWithAFolderOfItsOwnIsFoundByIt) {
  SnapshotterFacts facts = Facts();
  facts.image_folder = "/data/overlay";
  EXPECT_EQ(ChooseSnapshotter(facts).value_or(""), "overlayfs");
}

TEST(SnapshotterTest, ASnapshotterThatTellsNoFolderIsFoundByName) {
  SnapshotterFacts facts = Facts();
  facts.image_folder = "/var/lib/containerd/io.containerd.snapshotter.v1.stargz";
  EXPECT_EQ(ChooseSnapshotter(facts).value_or(""), "stargz");
}

TEST(SnapshotterTest, WhereCriDoesNotTellTheNamespaceDoes) {
  SnapshotterFacts facts = Facts();
  EXPECT_EQ(ChooseSnapshotter(facts).value_or(""), "overlayfs");
  facts.namespace_default = "native";
  EXPECT_EQ(ChooseSnapshotter(facts).value_or(""), "native");
  facts.image_folder = "/somewhere/else";
  EXPECT_EQ(ChooseSnapshotter(facts).value_or(""), "native");
}

TEST(SnapshotterTest, OneThatContainerdDoesNotHaveIsRefused) {
  SnapshotterFacts facts = Facts();
  facts.namespace_default = "zfs";
  const absl::StatusOr<std::string> chosen = ChooseSnapshotter(facts);
  EXPECT_EQ(chosen.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(chosen.status().message()),
              HasSubstr("snapshotter zfs and has only native, overlayfs, stargz"));
}

}  // namespace
}  // namespace lighter
