#include "common/desired.h"

#include <gtest/gtest.h>

#include "absl/status/status.h"

namespace lighter {
namespace {

v1::Desired List() {
  v1::Desired desired;
  desired.set_generation(7);
  v1::DesiredRelease* const release = desired.add_releases();
  release->set_name("harbor/quayside");
  v1::DesiredImage* const image = release->add_images();
  image->set_manifest_digest("sha256:" + std::string(64, 'a'));
  image->set_manifest_size(500);
  image->add_names("127.0.0.1:7444/quayside/web:v1");
  return desired;
}

TEST(DesiredTest, WhatIsSignedIsReadAgain) {
  const Authority authority = *MakeAuthority();
  const auto list = SignDesired(List(), authority);
  ASSERT_TRUE(list.ok()) << list.status();
  const auto read = VerifyDesired(*list, authority.certificate);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), List().SerializeAsString());
}

TEST(DesiredTest, AnotherAuthoritysListIsRefused) {
  const auto list = SignDesired(List(), *MakeAuthority());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_TRUE(
      absl::IsPermissionDenied(VerifyDesired(*list, MakeAuthority()->certificate).status()));
}

TEST(DesiredTest, AChangedListIsRefused) {
  const Authority authority = *MakeAuthority();
  v1::SignedDesired list = *SignDesired(List(), authority);
  for (const size_t at : {size_t{0}, list.desired().size() / 2, list.desired().size() - 1}) {
    v1::SignedDesired changed = list;
    (*changed.mutable_desired())[at] ^= 1;
    EXPECT_TRUE(absl::IsPermissionDenied(VerifyDesired(changed, authority.certificate).status()));
  }
  list.clear_signature();
  EXPECT_TRUE(absl::IsPermissionDenied(VerifyDesired(list, authority.certificate).status()));
}

TEST(DesiredTest, WhatNoListMaySayIsRefusedThoughSigned) {
  const Authority authority = *MakeAuthority();
  const auto verdict = [&](const v1::Desired& desired) {
    return VerifyDesired(*SignDesired(desired, authority), authority.certificate).status();
  };
  v1::Desired desired = List();
  desired.mutable_releases(0)->mutable_images(0)->set_manifest_digest("sha256:../../etc");
  EXPECT_TRUE(absl::IsInvalidArgument(verdict(desired)));
  desired = List();
  desired.mutable_releases(0)->mutable_images(0)->set_names(0, "nginx");
  EXPECT_TRUE(absl::IsInvalidArgument(verdict(desired)));
  desired = List();
  desired.mutable_releases(0)->mutable_images(0)->set_manifest_size(uint64_t{1} << 40);
  EXPECT_TRUE(absl::IsInvalidArgument(verdict(desired)));
}

TEST(DesiredTest, AListThatNoConfigMapHoldsIsRefused) {
  v1::Desired desired = List();
  for (int i = 0; i < 40'000; ++i) {
    desired.mutable_releases(0)->mutable_images(0)->add_names("10.0.0.1/some/name/of/an/image:v1");
  }
  EXPECT_TRUE(absl::IsResourceExhausted(SignDesired(desired, *MakeAuthority()).status()));
}

}  // namespace
}  // namespace lighter
