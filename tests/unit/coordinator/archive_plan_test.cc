#include "coordinator/plan/archive_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "common/usage_error.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ArchivePlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = dir_.File("images.tar");
    ASSERT_TRUE(
        support::ImagesTar(
            {support::MakeImage({"nginx:1"}, {support::MakeLayer({support::File("a", "b")})})})
            .WriteTo(path)
            .ok());
    package_ = OpenPackage(path).value();
  }

  absl::StatusOr<ReleasePlan> Make(const ReleaseQuery& query) {
    return PlanReleases(package_, query, nullptr, dir_.File("run"));
  }

  support::TempDir dir_;
  Package package_;
};

TEST_F(ArchivePlanTest, ImagesKeepTheirNamesAndNeedNoHelm) {
  const absl::StatusOr<ReleasePlan> plan = Make({.without_release = true});
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_THAT(plan->bundles, SizeIs(1));
  EXPECT_EQ(plan->bundles[0].release.name, "");
  ASSERT_THAT(plan->bundles[0].names.targets, SizeIs(1));
  EXPECT_EQ(plan->bundles[0].names.targets[0].name, "docker.io/library/nginx:1");
}

TEST_F(ArchivePlanTest, AnUpgradeOfThemIsRefusedWithTheCommandThatIsMeant) {
  const absl::Status status = Make({}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("`lighter load` puts them onto the nodes"));
}

TEST_F(ArchivePlanTest, WhatNothingCouldTakeIsAnErrorOfTheCommandLine) {
  std::vector<ReleaseQuery> queries(4, {.without_release = true});
  queries[0].release = "web";
  queries[1].ns = "harbor";
  queries[2].values = {"--set", "a=b"};
  queries[3].relocation.registry = "10.16.10.111";
  for (const ReleaseQuery& query : queries) {
    const absl::Status status = Make(query).status();
    EXPECT_TRUE(IsUsageError(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr("only images, no chart"));
  }
}

}  // namespace
}  // namespace lighter
