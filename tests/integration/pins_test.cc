// Pins follow the desired list: on with it, off with it, and none of somebody else's touched.
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/integration/desired_case.h"

namespace lighter::testing {
namespace {

using support::MakeImage;

constexpr char kPin[] = "io.cri-containerd.pinned=pinned";
constexpr char kOther[] = "example.com/b:1";

class PinsTest : public DesiredCase {
 protected:
  void SetUp() override {
    DesiredCase::SetUp();
    other_.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {kOther});
  }

  // The record as ctr shows it, labels included.
  std::string Record(const std::string& name) {
    const auto listed = containerd().Ctr({"images", "ls", "name==" + name});
    EXPECT_OK(listed.status());
    return listed.value_or("");
  }
  bool Pinned(const std::string& name) { return absl::StrContains(Record(name), kPin); }
  void ExpectBecomes(const std::string& name, bool pinned) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (Pinned(name) != pinned && absl::Now() < give_up) {
      absl::SleepFor(absl::Milliseconds(100));
    }
    EXPECT_EQ(Pinned(name), pinned) << Record(name);
  }
  // As a pull of the kubelet leaves it: the name is there, and not lighter's.
  void MakeOthersName(const std::string& copy_of, const std::string& name) {
    ASSERT_OK(containerd().Ctr({"images", "tag", copy_of, name}).status());
    ASSERT_OK(containerd()
                  .Ctr({"images", "label", name,
                        "io.cri-containerd.pinned=", "lighter/created=", "lighter/listed="})
                  .status());
  }
  v1::Desired NextList(uint64_t generation) const {
    v1::Desired desired = DesiredCase::List({});
    desired.set_generation(generation);
    return desired;
  }

  ImageSet other_;
};
FOR_EVERY_CONTAINERD(PinsTest);

TEST_P(PinsTest, ANameThatTheListDropsIsUnpinnedAndOneThatNoListHeldYetIsNot) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  WriteList({}, authority_);
  auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("desired list 1"));
  ASSERT_TRUE(Pinned(kName));
  // A load that is proven and not in the list yet.
  ASSERT_OK(Load(NodeTest::agent(), other_).status);
  const absl::Time give_up = absl::Now() + kPatience;
  while (!absl::StrContains(Record(kName), "lighter/listed=")) ASSERT_LT(absl::Now(), give_up);
  agent = nullptr;

  v1::Desired without = NextList(2);
  without.clear_releases();
  WriteDesired(without, authority_);
  agent = LateAgent();  // a list that changed while no agent ran counts the same
  ASSERT_NE(agent, nullptr);
  ExpectBecomes(kName, false);
  EXPECT_TRUE(HasName());
  EXPECT_TRUE(Pinned(kOther));
}

TEST_P(PinsTest, ANameThatIsLoadedAgainIsPinnedUntilAListHeldItAndDroppedIt) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  WriteList({}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  v1::Desired without = NextList(2);
  without.clear_releases();
  ASSERT_OK(agent->AwaitLog("desired list 1"));
  const absl::Time give_up = absl::Now() + kPatience;
  while (!absl::StrContains(Record(kName), "lighter/listed=")) ASSERT_LT(absl::Now(), give_up);
  // Another image under the name of the list, not published yet.
  ImageSet moved;
  moved.Add(MakeImage({}, {DataLayer("c", 1000, 3)}), {kName});
  ASSERT_OK(Load(NodeTest::agent(), moved).status);
  WriteDesired(without, authority_);
  ASSERT_OK(agent->AwaitLog("desired list 2"));
  absl::SleepFor(absl::Seconds(5));  // some looks
  EXPECT_TRUE(Pinned(kName));
}

TEST_P(PinsTest, ANameOfTheListThatSomebodyElseMadeIsPinnedAsLongAsTheListHoldsIt) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  MakeOthersName(kName, "example.com/theirs:1");
  ASSERT_FALSE(Pinned("example.com/theirs:1"));
  v1::Desired list = NextList(1);
  list.mutable_releases(0)->mutable_images(0)->add_names("example.com/theirs:1");
  WriteDesired(list, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ExpectBecomes("example.com/theirs:1", true);
  WriteDesired(NextList(2), authority_);
  ExpectBecomes("example.com/theirs:1", false);
  EXPECT_FALSE(absl::StrContains(Record("example.com/theirs:1"), "lighter/"));
  EXPECT_TRUE(Pinned(kName));
}

TEST_P(PinsTest, APinOfSomebodyElseStays) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  MakeOthersName(kName, "example.com/theirs:1");
  ASSERT_OK(containerd().Ctr({"images", "label", "example.com/theirs:1", kPin}).status());
  v1::Desired list = NextList(1);
  list.mutable_releases(0)->mutable_images(0)->add_names("example.com/theirs:1");
  WriteDesired(list, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("desired list 1"));
  list.set_generation(2);
  list.clear_releases();
  WriteDesired(list, authority_);
  ExpectBecomes(kName, false);
  EXPECT_TRUE(Pinned("example.com/theirs:1"));
}

TEST_P(PinsTest, WhatIsAsItShouldBeIsNotWrittenAgain) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  WriteList({}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  const absl::Time give_up = absl::Now() + kPatience;
  while (!absl::StrContains(Record(kName), "lighter/listed=")) ASSERT_LT(absl::Now(), give_up);
  // containerd publishes an event for every write of an image.
  std::vector<std::string> listen = containerd().CtrCommand({"events"});
  listen.insert(listen.begin(), {"timeout", "6"});
  const CommandResult events = RunCommand(listen);
  EXPECT_EQ(events.exit_code, 124) << events.output;
  EXPECT_FALSE(absl::StrContains(events.output, "/images/")) << events.output;
}

TEST_P(PinsTest, AnAgentThatIsTakenAwayLeavesNoPin) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  ASSERT_OK(Load(NodeTest::agent(), other_).status);  // that no list holds: as with --ephemeral
  WriteList({}, authority_);
  auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("desired list 1"));
  const CommandResult removed =
      RunCommand({LIGHTER_AGENT_BINARY, "--containerd-socket", containerd().socket(),
                  "remove-state", "--state-dir", dir_.File("state")});
  ASSERT_EQ(removed.exit_code, 0) << removed.output;
  // A look that was under way may pin once more; the next one, or the agent's end, undoes it.
  agent = nullptr;
  EXPECT_FALSE(Pinned(kName));
  EXPECT_FALSE(Pinned(kOther));
  EXPECT_TRUE(HasName());
}

}  // namespace
}  // namespace lighter::testing
