#include "agent/desired/desired_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/identity.h"
#include "common/desired.h"
#include "common/file.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DesiredListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"state", "member"}) {
      ASSERT_EQ(::mkdir(dir_.File(folder).c_str(), 0700), 0);
    }
    Put("state/ca.crt", authority_.certificate);
  }

  void Put(const std::string& file, const std::string& bytes) {
    ASSERT_TRUE(WriteFileAtomic(dir_.File(file), bytes, 0600).ok());
  }
  v1::SignedDesired List(uint64_t generation, const std::string& release) const {
    v1::Desired desired;
    desired.set_generation(generation);
    desired.add_releases()->set_name(release);
    return *SignDesired(desired, authority_);
  }
  DesiredSources Sources() const {
    return {dir_.File("state"), dir_.File("member"), dir_.File("mounted")};
  }
  ino_t KeptFile() const {
    struct stat info {};
    EXPECT_EQ(::stat(dir_.File("state/desired").c_str(), &info), 0);
    return info.st_ino;
  }
  std::function<void(const std::string&)> Log() {
    return [this](const std::string& line) { lines_.push_back(line); };
  }

  const support::TempDir dir_;
  const Authority authority_ = *MakeAuthority();
  std::vector<std::string> lines_;
};

TEST_F(DesiredListTest, OfTwoListsOfOneGenerationAllNodesTakeTheSame) {
  const v1::SignedDesired a = List(3, "ns/a");
  const v1::SignedDesired b = List(3, "ns/b");
  std::vector<std::string> taken;
  for (const auto& order : {std::pair(a, b), std::pair(b, a)}) {
    DesiredList list({dir_.File("state"), "", ""}, Log());
    ASSERT_TRUE(list.Offer(order.first).ok());
    const auto held = list.Offer(order.second);
    ASSERT_TRUE(held.ok()) << held.status();
    taken.push_back(held->desired());
    ASSERT_EQ(::unlink(dir_.File("state/desired").c_str()), 0);
  }
  EXPECT_EQ(taken[0], taken[1]);
}

TEST_F(DesiredListTest, ANodeIsSparedWhatNoPodAsksForThere) {
  v1::Desired desired;
  desired.set_generation(3);
  v1::DesiredRelease& release = *desired.add_releases();
  for (const char letter : {'a', 'b'}) {
    v1::DesiredImage& image = *release.add_images();
    image.set_manifest_digest("sha256:" + std::string(64, letter));
    image.set_manifest_size(1);
  }
  *desired.add_node_sets() = MakeNodeSet({"node1", "node2"});
  release.mutable_images(0)->set_spared(desired.node_sets(0).id());
  release.mutable_images(1)->set_spared("nobody knows");
  for (const auto& [node, images] : std::map<std::string, int>{{"node1", 1}, {"node3", 2}}) {
    DesiredList list({dir_.File("state"), "", "", node}, Log());
    EXPECT_EQ(list.mine(), nullptr);
    ASSERT_TRUE(list.Offer(*SignDesired(desired, authority_)).ok());
    EXPECT_EQ(list.mine()->releases(0).images_size(), images) << node;
    EXPECT_EQ(list.current()->releases(0).images_size(), 2) << node;  // what it may give to others
    ASSERT_EQ(::unlink(dir_.File("state/desired").c_str()), 0);
  }
}

TEST_F(DesiredListTest, AnOlderListIsAnsweredWithTheNewer) {
  DesiredList list(Sources(), Log());
  ASSERT_TRUE(list.Offer(List(3, "ns/a")).ok());
  const auto held = list.Offer(List(2, "ns/b"));
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(held->desired(), List(3, "ns/a").desired());
}

TEST_F(DesiredListTest, TheListIsKeptOnceAndNotWrittenAgain) {
  Put("mounted", List(3, "ns/a").SerializeAsString());
  DesiredList list(Sources(), Log());
  list.Refresh();
  const ino_t kept = KeptFile();
  list.Refresh();
  DesiredList next(Sources(), Log());
  next.Refresh();
  EXPECT_EQ(KeptFile(), kept);
  EXPECT_EQ(next.current()->generation(), 3u);
}

TEST_F(DesiredListTest, AListThatCouldNotBeKeptIsKeptLater) {
  ASSERT_EQ(::mkdir(dir_.File("state/desired").c_str(), 0700), 0);  // in the way
  DesiredList list(Sources(), Log());
  const auto held = list.Offer(List(3, "ns/a"));
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(list.current()->generation(), 3u);
  list.Refresh();
  ASSERT_EQ(::rmdir(dir_.File("state/desired").c_str()), 0);
  list.Refresh();
  EXPECT_EQ(*ReadFile(dir_.File("state/desired"), 1'000'000), held->SerializeAsString());
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("desired list 3"), HasSubstr("is not kept on disk")));
}

TEST_F(DesiredListTest, AProblemOfAPathIsToldOnce) {
  Put("mounted", "no list");
  Put("state/desired", "neither");
  DesiredList list(Sources(), Log());
  for (int i = 0; i < 3; ++i) list.Refresh();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("state/desired"), HasSubstr("mounted")));
}

TEST_F(DesiredListTest, AMountedListThatIsPassedOverIsNoMissingOne) {
  DesiredList list(Sources(), Log());
  list.Refresh();
  EXPECT_TRUE(list.CheckMounted().ok());
  for (int i = 0; i < 2; ++i) {
    Put("mounted", "no list");
    list.Refresh();
    list.Refresh();
    EXPECT_TRUE(absl::IsFailedPrecondition(list.CheckMounted())) << list.CheckMounted();
    ASSERT_EQ(::unlink(dir_.File("mounted").c_str()), 0);
    list.Refresh();
    EXPECT_TRUE(list.CheckMounted().ok()) << list.CheckMounted();
  }
  ASSERT_TRUE(list.Offer(List(3, "ns/a")).ok());
  Put("mounted", List(2, "ns/a").SerializeAsString());
  list.Refresh();
  EXPECT_TRUE(list.CheckMounted().ok()) << list.CheckMounted();
}

// A node that was away while agents were taken away and installed anew.
TEST_F(DesiredListTest, TheLaterAuthorityCounts) {
  const Authority old = *MakeAuthority(absl::Now() - absl::Hours(48));
  Put("state/ca.crt", old.certificate);
  Put("member/ca.crt", authority_.certificate);
  DesiredList list(Sources(), Log());
  EXPECT_TRUE(list.Offer(List(1, "ns/a")).ok());
  Put("state/ca.crt", authority_.certificate);
  Put("member/ca.crt", old.certificate);  // the mounted Secret comes late
  EXPECT_TRUE(list.Offer(List(2, "ns/a")).ok());
}

}  // namespace
}  // namespace lighter
