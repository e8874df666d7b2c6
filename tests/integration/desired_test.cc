// Agents that act on the desired list: a node without a certificate fetches everything from peers,
// whatever these send, and gives blobs of the list to members, and nothing else.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/desired/node_content.h"
#include "agent/registry/loopback_listener.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "coordinator/transfer/agent_dialer.h"
#include "tests/integration/desired_case.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DesiredTest : public DesiredCase {};
FOR_EVERY_CONTAINERD(DesiredTest);

TEST_P(DesiredTest, ALateNodeGetsEverythingFromAPeer) {
  FakePeer peer(&images_, WriteTls(AgentTlsNames("node-1"), "node-1"));
  WriteList({{"node-1", peer.address()}}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ExpectArrives(*agent);
}

TEST_P(DesiredTest, ADeletedNameComesBackWithoutAnyPeer) {
  {
    FakePeer peer(&images_, WriteTls(AgentTlsNames("node-1"), "node-1"));
    WriteList({{"node-1", peer.address()}}, authority_);
    const auto agent = LateAgent();
    ASSERT_NE(agent, nullptr);
    ExpectArrives(*agent);
    const absl::Time give_up = absl::Now() + kPatience;
    while (NodeTest::List().leases.empty()) ASSERT_LT(absl::Now(), give_up);
  }
  for (const std::string& image : NodeTest::List().images) {
    ASSERT_OK(
        containerd().Ctr({"images", "rm", "--sync", image.substr(0, image.find(' '))}).status());
  }
  ASSERT_FALSE(HasName());
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ExpectArrives(*agent);
}

TEST_P(DesiredTest, APeerThatLiesIsLeftForAnother) {
  const std::string tls_1 = WriteTls(AgentTlsNames("node-1"), "node-1");
  const std::string tls_2 = WriteTls(AgentTlsNames("node-2"), "node-2");
  FakePeer liar(&images_, tls_1);
  FakePeer honest(&images_, tls_2);
  liar.Lie();
  WriteList({{"node-1", liar.address()}, {"node-2", honest.address()}}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ExpectArrives(*agent);
  EXPECT_GT(honest.calls(), 0);
}

// An image that does not come whole must not start anew each time that another one comes.
TEST_P(DesiredTest, WhatCameOfABrokenImageStaysThoughAnotherOneArrives) {
  images_ = ImageSet();
  images_.Add(MakeImage({}, {DataLayer("a", 40'000'000, 1)}), {kName});
  images_.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {"example.com/b:1"});
  const std::string layer = images_.start().images(0).layers(0).blob().digest();
  FakePeer peer(&images_, WriteTls(AgentTlsNames("node-1"), "node-1"));
  peer.BreakOff(std::pair(layer, 30'000'000));
  WriteList({{"node-1", peer.address()}}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  const absl::Time give_up = absl::Now() + kPatience;
  while (peer.breaks() < 3 && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(100));
  ASSERT_GE(peer.breaks(), 3) << agent->log();
  EXPECT_EQ(peer.starts(), 1) << agent->log();
  EXPECT_THAT(NodeTest::List().images, Contains(StartsWith("example.com/b:1 ")));
  EXPECT_THAT(NodeTest::List().ingests, Contains("layer-" + layer));
  peer.BreakOff(std::nullopt);
  ExpectArrives(*agent);
  const absl::Time until = absl::Now() + kPatience;
  const auto leases_of_loads = [this] {
    const std::set<std::string> leases = NodeTest::List().leases;
    return std::count_if(leases.begin(), leases.end(), [](const std::string& id) {
      return id.starts_with(kKeeperRules.lease_prefix);
    });
  };
  while (leases_of_loads() > 0 && absl::Now() < until) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(leases_of_loads(), 0);
}

TEST_P(DesiredTest, APeerThatIsAnotherNodeIsNotAsked) {
  FakePeer peer(&images_, WriteTls(AgentTlsNames("node-2"), "node-2"));
  WriteList({{"node-1", peer.address()}}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("desired list: node-1: "));
  EXPECT_EQ(peer.calls(), 0);
  EXPECT_FALSE(HasName());
}

TEST_P(DesiredTest, AListOfAnotherAuthorityIsPassedOver) {
  FakePeer peer(&images_, WriteTls(AgentTlsNames("node-1"), "node-1"));
  WriteList({{"node-1", peer.address()}}, *MakeAuthority());
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("not signed by this cluster's authority"));
  EXPECT_EQ(peer.calls(), 0);
}

// The agent's other side: what it gives, and to whom.
TEST_P(DesiredTest, AMemberFetchesWhatTheListHoldsAndNothingElse) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  ImageSet other;
  other.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {"example.com/b:1"});
  ASSERT_OK(Load(NodeTest::agent(), other).status);
  WriteList({}, authority_);
  WriteTls(AgentTlsNames("late"), "state");
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitListening());
  ASSERT_OK(agent->AwaitLog("desired list 1"));

  const auto files = ReadTlsFolder(dir_.File("member"), {std::string(kMemberTlsName)});
  ASSERT_OK(files.status());
  const auto channel =
      DialAgent(agent->address(), MakeChannelCredentials(*files), NodeTlsName("late"));
  const auto fetch = [&](const std::string& digest, std::string* bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::FetchRequest request;
    request.set_digest(digest);
    const auto reader = v1::Peer::NewStub(channel)->Fetch(&context, request);
    v1::FetchReply reply;
    while (reader->Read(&reply)) bytes->append(reply.data());
    return FromGrpc(reader->Finish());
  };
  const v1::Image& image = images_.start().images(0);
  for (const std::string& digest :
       {image.manifest_digest(), image.config().digest(), image.layers(0).blob().digest()}) {
    std::string bytes;
    EXPECT_OK(fetch(digest, &bytes));
    EXPECT_EQ(Digest::Of(bytes).str(), digest);
  }
  std::string bytes;
  EXPECT_TRUE(absl::IsNotFound(fetch(other.start().images(0).manifest_digest(), &bytes)));
  EXPECT_TRUE(absl::IsNotFound(fetch(other.start().images(0).config().digest(), &bytes)));
  EXPECT_TRUE(absl::IsInvalidArgument(fetch("sha256:../../etc/passwd", &bytes)));
  EXPECT_TRUE(bytes.empty());

  const auto stub = v1::Agent::NewStub(channel);
  const auto context = [] {
    auto made = std::make_unique<grpc::ClientContext>();
    made->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    return made;
  };
  v1::InfoReply info;
  EXPECT_TRUE(absl::IsPermissionDenied(FromGrpc(stub->Info(context().get(), {}, &info))));
  v1::InventoryReply inventory;
  EXPECT_TRUE(absl::IsPermissionDenied(FromGrpc(stub->Inventory(context().get(), {}, &inventory))));
  v1::KeepReply kept;
  EXPECT_TRUE(absl::IsPermissionDenied(FromGrpc(stub->Keep(context().get(), {}, &kept))));
  v1::RemoveReply removed;
  EXPECT_TRUE(absl::IsPermissionDenied(FromGrpc(stub->Remove(context().get(), {}, &removed))));
  EXPECT_TRUE(absl::IsPermissionDenied(Load(stub.get(), images_).status));
}

TEST_P(DesiredTest, ACoordinatorRemovesOnlyWhatLighterMadeAndTheListDoesNotHold) {
  ImageSet gone;
  gone.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {"example.com/b:1"});
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  ASSERT_OK(Load(NodeTest::agent(), gone).status);
  ASSERT_OK(
      containerd().Ctr({"images", "tag", "example.com/b:1", "example.com/theirs:1"}).status());
  WriteList({}, authority_);
  WriteTls(AgentTlsNames("late"), "state");
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitListening());
  ASSERT_OK(agent->AwaitLog("desired list 1"));
  const auto dialer = AgentDialer::FromAuthority(authority_);
  ASSERT_OK(dialer.status());
  v1::RemoveRequest request;
  for (const char* name :
       {kName, "example.com/b:1", "example.com/theirs:1", "example.com/none:1"}) {
    v1::NamedImage* const image = request.add_images();
    image->set_name(name);
    image->set_manifest_digest(gone.start().images(0).manifest_digest());
  }
  grpc::ClientContext context;
  v1::RemoveReply reply;
  ASSERT_OK(FromGrpc(dialer->Dial("late", agent->address())->Remove(&context, request, &reply)));
  EXPECT_THAT(std::vector<std::string>(reply.removed().begin(), reply.removed().end()),
              ::testing::ElementsAre("example.com/b:1", "example.com/none:1"));
  ASSERT_EQ(reply.refused_size(), 2);
  EXPECT_THAT(reply.refused(0).cause(), HasSubstr("desired list holds it"));
  EXPECT_THAT(reply.refused(1).cause(), HasSubstr("lighter did not create it"));
  EXPECT_TRUE(HasName());
}

TEST_P(DesiredTest, ANameThatMovedMeanwhileIsNotRemovedAndNoneWhileALoadRuns) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  const auto remove = [&](const std::string& digest, v1::RemoveReply* reply) {
    v1::RemoveRequest request;
    v1::NamedImage* const image = request.add_images();
    image->set_name(kName);
    image->set_manifest_digest(digest);
    grpc::ClientContext context;
    return FromGrpc(NodeTest::agent()->Remove(&context, request, reply));
  };
  const std::string digest = images_.start().images(0).manifest_digest();
  v1::RemoveReply reply;
  ASSERT_OK(remove("sha256:" + std::string(64, 'a'), &reply));
  ASSERT_EQ(reply.refused_size(), 1);
  EXPECT_THAT(reply.refused(0).cause(), HasSubstr("another image meanwhile"));
  ImageSet other;
  other.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {"example.com/b:1"});
  {
    LoadClient running(NodeTest::agent(), &other);
    ASSERT_TRUE(running.Begin());
    const absl::Status refused = remove(digest, &reply);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("already being loaded"));
    EXPECT_TRUE(HasName());
    running.Cancel();
  }
  ASSERT_OK(remove(digest, &reply));
  EXPECT_FALSE(HasName());
}

TEST_P(DesiredTest, WhatTheKeeperLoadsMovesNoName) {
  ImageSet moved;
  moved.Add(MakeImage({}, {DataLayer("c", 1000, 3)}), {kName});
  ASSERT_OK(Load(NodeTest::agent(), moved).status);
  InProcessAgent keeper(containerd().socket(), {}, kKeeperRules);
  const absl::Status status = Load(keeper.stub(), images_).status;
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  ExpectProven(moved);
}

// kubelet kills what has not ended by then.
TEST_P(DesiredTest, AnAgentEndsInTimeThoughContainerdHangs) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  WriteList({}, authority_);
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("desired list 1"));
  containerd().Signal(SIGSTOP);
  absl::SleepFor(absl::Seconds(4));  // the keeper has looked since
  const absl::Time asked = absl::Now();
  agent->process().Signal(SIGTERM);
  EXPECT_EQ(agent->process().Wait(), 0);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(10));
  containerd().Signal(SIGCONT);
}

TEST_P(DesiredTest, ABlobThatThisNodeCannotReadComesFromAPeer) {
  ASSERT_OK(Load(NodeTest::agent(), images_).status);
  FakePeer peer(&images_, WriteTls(AgentTlsNames("node-1"), "node-1"));
  DesiredList list({dir_.File("state"), dir_.File("member"), dir_.File("desired")},
                   [](const std::string&) {});
  WriteList({{"node-1", peer.address()}}, authority_);
  list.Refresh();
  const std::string digest = images_.start().images(0).layers(0).blob().digest();
  ASSERT_EQ(::unlink((containerd().root() + "/io.containerd.content.v1.content/blobs/sha256/" +
                      digest.substr(std::string("sha256:").size()))
                         .c_str()),
            0);
  PeerClient peers(dir_.File("state"), dir_.File("member"), "late");
  NodeContent content(Containerd(containerd().socket()), &list, &peers, nullptr);
  std::string bytes;
  ASSERT_OK(content.Read(*Digest::Parse(digest), 0, [&](std::string_view part) {
    bytes += part;
    return absl::OkStatus();
  }));
  EXPECT_EQ(Digest::Of(bytes).str(), digest);
}

TEST_P(DesiredTest, ARegistryWhosePortIsTakenStartsOnceItIsFree) {
  auto taken = ListenOnLoopback("127.0.0.1:0");
  ASSERT_OK(taken.status());
  const auto agent = LateAgent({"--registry", absl::StrCat("127.0.0.1:", taken->port)});
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitLog("no registry on this node"));
  taken = absl::UnavailableError("closed");
  ASSERT_OK(agent->AwaitLog("the registry on this node runs now"));
}

TEST_P(DesiredTest, AllThatLighterMadeGoesButForWhatPodsUse) {
  ImageSet gone;
  gone.Add(MakeImage({}, {DataLayer("b", 1000, 2)}), {"example.com/b:1", "example.com/b:2"});
  ASSERT_OK(Load(NodeTest::agent(), gone).status);
  ImageSet used;
  used.Add(MakeImage({}, {DataLayer("c", 1000, 3)}), {"example.com/c:1"});
  ASSERT_OK(Load(NodeTest::agent(), used).status);
  ASSERT_OK(
      containerd().Ctr({"images", "tag", "example.com/b:1", "example.com/theirs:1"}).status());
  WriteTls(AgentTlsNames("late"), "state");
  const auto agent = LateAgent();
  ASSERT_NE(agent, nullptr);
  ASSERT_OK(agent->AwaitListening());
  const auto dialer = AgentDialer::FromAuthority(authority_);
  ASSERT_OK(dialer.status());
  const auto stub = dialer->Dial("late", agent->address());
  v1::RemoveRequest request;
  request.set_all(true);
  request.add_in_use("example.com/c:1");
  for (const bool dry_run : {true, false}) {
    request.set_dry_run(dry_run);
    const NodeListing before = NodeTest::List();
    grpc::ClientContext context;
    v1::RemoveReply reply;
    ASSERT_OK(FromGrpc(stub->Remove(&context, request, &reply)));
    EXPECT_THAT(std::vector<std::string>(reply.removed().begin(), reply.removed().end()),
                ::testing::UnorderedElementsAre("example.com/b:1", "example.com/b:2"));
    ASSERT_EQ(reply.refused_size(), 1);
    EXPECT_EQ(reply.refused(0).name(), "example.com/c:1");
    EXPECT_EQ(reply.refused(0).cause(), "a pod uses it");
    if (dry_run) {
      EXPECT_EQ(NodeTest::List().images, before.images);
    }
  }
  std::set<std::string> names;
  for (const std::string& image : NodeTest::List().images)
    names.insert(image.substr(0, image.find(' ')));
  EXPECT_THAT(names, ::testing::IsSupersetOf({"example.com/c:1", "example.com/theirs:1"}));
  EXPECT_THAT(names, ::testing::Not(Contains("example.com/b:1")));
}

}  // namespace
}  // namespace lighter::testing
