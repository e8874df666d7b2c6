// An agent whose node has no room for an image of the desired list still keeps the others.
#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/desired.h"
#include "common/grpc_status.h"
#include "common/pki.h"
#include "common/tls.h"
#include "coordinator/transfer/agent_dialer.h"
#include "tests/integration/agent_process.h"
#include "tests/integration/node_test.h"
#include "tests/integration/small_disk.h"
#include "tests/support/certificates.h"

namespace lighter::testing {
namespace {

using support::MakeImage;

constexpr char kSmall[] = "example.com/small:1";
constexpr char kBig[] = "example.com/big:1";

// The fixture's own containerd is that of a node that holds everything; a second one has the disk.
class FullDiskKeepTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    ASSERT_TRUE(disk_.mounted()) << "needs root and mkfs.ext4";
    auto started = TestContainerd::Start(GetParam(), disk_.path() + "/root");
    ASSERT_OK(started.status());
    tight_ = *std::move(started);
    small_.Add(MakeImage({}, {DataLayer("a", 1'000'000, 1)}), {kSmall});
    big_.Add(MakeImage({}, {DataLayer("b", 60'000'000, 2)}), {kBig});
    ASSERT_OK(Load(agent(), small_).status);
    ASSERT_OK(Load(agent(), big_).status);
  }

  std::unique_ptr<AgentProcess> StartAgent(const std::string& node,
                                           const TestContainerd& containerd) const {
    TlsFiles files;
    files.ca = authority_.certificate;
    files.key = *MakeKey();
    files.certificate =
        *IssueCertificate(authority_, *MakeRequest(files.key), AgentTlsNames(node), absl::Hours(1));
    support::WriteTlsFolder(files, dir_.File(node));
    auto agent =
        AgentProcess::Start({"--listen", "127.0.0.1:0", "--state-dir", dir_.File(node),
                             "--node-name", node, "--containerd-socket", containerd.socket()});
    EXPECT_OK(agent.status());
    return agent.ok() ? *std::move(agent) : nullptr;
  }

  // Hands over a list that holds these images, with the agent of the full node as the only peer.
  void Keep(const std::string& node, AgentProcess& agent, uint64_t generation,
            const std::vector<const ImageSet*>& sets, const AgentProcess& holder) const {
    v1::Desired desired;
    desired.set_generation(generation);
    v1::DesiredRelease& release = *desired.add_releases();
    release.set_name("harbor/quayside");
    for (const ImageSet* set : sets) {
      const v1::Image& from = set->start().images(0);
      v1::DesiredImage& image = *release.add_images();
      image.set_manifest_digest(from.manifest_digest());
      image.set_manifest_media_type(from.manifest_media_type());
      image.set_manifest_size(from.manifest().size());
      *image.mutable_names() = from.names();
    }
    v1::DesiredPeer& peer = *desired.add_peers();
    peer.set_node("holder");
    peer.set_address(holder.address());
    const auto list = SignDesired(desired, authority_);
    ASSERT_OK(list.status());
    const auto dialer = AgentDialer::FromAuthority(authority_);
    ASSERT_OK(dialer.status());
    grpc::ClientContext context;
    v1::KeepReply reply;
    ASSERT_OK(FromGrpc(dialer->Dial(node, agent.address())->Keep(&context, *list, &reply)));
  }

  bool HasSmall() const {
    const auto listing = tight_->List();
    if (!listing.ok()) return false;
    return std::any_of(listing->images.begin(), listing->images.end(), [](const auto& image) {
      return absl::StartsWith(image, absl::StrCat(kSmall, " "));
    });
  }
  bool HasSmallWithin(absl::Duration patience) const {
    for (const absl::Time until = absl::Now() + patience; absl::Now() < until;) {
      if (HasSmall()) return true;
      absl::SleepFor(absl::Milliseconds(100));
    }
    return false;
  }

  SmallDisk disk_;
  support::TempDir dir_;
  const Authority authority_ = *MakeAuthority();
  ImageSet small_;
  ImageSet big_;
  std::unique_ptr<TestContainerd> tight_;
};
FOR_EVERY_CONTAINERD(FullDiskKeepTest);

TEST_P(FullDiskKeepTest, ADeletedNameIsBackInSecondsWhileAnotherImageFindsNoRoom) {
  const auto holder = StartAgent("holder", containerd());
  const auto tight = StartAgent("tight", *tight_);
  ASSERT_TRUE(holder != nullptr && tight != nullptr);
  Keep("holder", *holder, 1, {&small_, &big_}, *holder);
  Keep("tight", *tight, 1, {&small_}, *holder);
  ASSERT_TRUE(HasSmallWithin(absl::Seconds(40))) << tight->log();
  Keep("tight", *tight, 2, {&big_, &small_}, *holder);
  ASSERT_OK(tight->AwaitLog("no space left on the disk"));

  // The next try is minutes away: what could have been brought would only be dropped again.
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(tight_->Ctr({"images", "rm", "--sync", kSmall}).status());
    ASSERT_FALSE(HasSmall());
    EXPECT_TRUE(HasSmallWithin(absl::Seconds(5))) << tight->log();
  }
}

}  // namespace
}  // namespace lighter::testing
