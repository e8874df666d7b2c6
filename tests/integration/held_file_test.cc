// The file by which an agent tells that its node holds all that the list wants (--held-file).
#include <gmock/gmock.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/desired_case.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::HasSubstr;

class HeldFileTest : public DesiredCase {
 protected:
  std::unique_ptr<AgentProcess> Agent() { return LateAgent({"--held-file", file_}); }

  std::string Told() const { return ReadFile(file_, 100).value_or(""); }
  void ExpectTold(AgentProcess& agent, const std::string& told) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (Told() != told && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(50));
    EXPECT_EQ(Told(), told) << agent.log();
  }
  // Whatever the agent does next.
  void ExpectStaysAway() const {
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(Told(), "");
      absl::SleepFor(absl::Milliseconds(100));
    }
  }

  const std::string file_ = dir_.File("held");
};
FOR_EVERY_CONTAINERD(HeldFileTest);

TEST_P(HeldFileTest, ComesOnceAllIsProvenAndNotBefore) {
  ASSERT_OK(WriteFileAtomic(file_, "1\n", 0600));  // of an agent before
  WriteList({}, authority_);                       // nobody has it
  const auto agent = Agent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("desired list: "));
  ExpectStaysAway();
  FakePeer peer(&images_, WriteTls(AgentTlsNames("node-1"), "node-1"));
  v1::Desired next = List({{"node-1", peer.address()}});
  next.set_generation(2);
  WriteDesired(next, authority_);
  ExpectTold(*agent, "2\n");
  ExpectProven(images_);
}

TEST_P(HeldFileTest, GoesAndComesWithTheNames) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  WriteList({}, authority_);
  const auto agent = Agent();
  ASSERT_NE(agent, nullptr);
  ExpectTold(*agent, "1\n");
  ImageSet more;
  more.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {"example.com/b:1"});
  v1::Desired next = List({});
  next.set_generation(2);
  v1::DesiredImage& added = *next.mutable_releases(0)->add_images();
  added.set_manifest_digest(more.start().images(0).manifest_digest());
  added.set_manifest_size(more.start().images(0).manifest().size());
  added.set_manifest_media_type(more.start().images(0).manifest_media_type());
  added.add_names("example.com/b:1");
  WriteDesired(next, authority_);
  ExpectTold(*agent, "");
  ASSERT_OK(Load(NodeTest::agent(), more).status);
  ExpectTold(*agent, "2\n");
}

TEST_P(HeldFileTest, WithoutAListThereIsNothingToWaitFor) {
  const auto agent = Agent();
  ASSERT_NE(agent, nullptr);
  ExpectTold(*agent, "0\n");
}

TEST_P(HeldFileTest, AListThatCannotBeTakenIsNotNoList) {
  WriteList({}, *MakeAuthority());
  const auto agent = Agent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("not signed by this cluster's authority"));
  ExpectStaysAway();
  ASSERT_EQ(::unlink(dir_.File("desired").c_str()), 0);
  ExpectTold(*agent, "0\n");
}

TEST_P(HeldFileTest, AnAuthorityThatIsNotKnownYetIsWaitedFor) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  WriteList({}, authority_);
  ASSERT_EQ(::rename(dir_.File("member").c_str(), dir_.File("later").c_str()), 0);
  const auto agent = Agent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("does not know its cluster's authority yet"));
  ExpectStaysAway();
  ASSERT_EQ(::rename(dir_.File("later").c_str(), dir_.File("member").c_str()), 0);
  ExpectTold(*agent, "1\n");
}

TEST_P(HeldFileTest, ANameOfAnotherImageIsWaitedForAndTold) {
  ImageSet other;
  other.Add(MakeImage({}, {DataLayer("c", 1000, 3)}), {kName});
  ASSERT_OK(Load(NodeTest::agent(), other).status);
  WriteList({}, authority_);
  const auto agent = Agent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(
      agent->AwaitLog(absl::StrCat(kName, " is another image here than the desired list wants")));
  ExpectStaysAway();
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  ExpectTold(*agent, "1\n");
}

}  // namespace
}  // namespace lighter::testing
