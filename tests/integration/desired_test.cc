// Agents that act on the desired list: a node without a certificate fetches everything from peers,
// whatever these send, and gives blobs of the list to members, and nothing else.
#include "common/desired.h"

#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/pki.h"
#include "common/tls.h"
#include "coordinator/transfer/agent_dialer.h"
#include "tests/integration/agent_process.h"
#include "tests/integration/node_test.h"
#include "tests/support/certificates.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(40);
constexpr char kName[] = "example.com/a:1";

// Another node's agent as far as peers see it, with blobs from memory.
class FakePeer final : public v1::Peer::Service {
 public:
  FakePeer(const ImageSet* images, const std::string& tls_folder) : images_(images) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", MakeServerCredentials(tls_folder), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakePeer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  // Sends other bytes from now on.
  void Lie() { lies_ = true; }
  int calls() const { return calls_; }

  grpc::Status Fetch(grpc::ServerContext*, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::FetchReply>* writer) override {
    ++calls_;
    std::string bytes;
    for (const v1::Image& image : images_->start().images()) {
      if (image.manifest_digest() == request->digest()) bytes = image.manifest();
    }
    if (bytes.empty()) bytes = images_->bytes(request->digest());
    const uint64_t end = request->length() == 0
                             ? bytes.size()
                             : std::min(bytes.size(), request->offset() + request->length());
    for (uint64_t at = request->offset(); at < end; at += kChunkBytes) {
      v1::FetchReply reply;
      reply.set_size(bytes.size());
      std::string data = bytes.substr(at, std::min(kChunkBytes, end - at));
      if (lies_) std::fill(data.begin(), data.end(), 'x');
      reply.set_data(std::move(data));
      writer->Write(reply);
    }
    return grpc::Status::OK;
  }

 private:
  const ImageSet* const images_;
  int port_ = 0;
  std::atomic<bool> lies_ = false;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class DesiredTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    images_.Add(MakeImage({}, {DataLayer("a", 3'000'000, 1)}), {kName});
    WriteTls({std::string(kMemberTlsName)}, "member");
  }

  // A TLS folder of the cluster's authority, for these names.
  std::string WriteTls(const std::vector<std::string>& names, const std::string& folder) {
    TlsFiles files;
    files.ca = authority_.certificate;
    files.key = *MakeKey();
    files.certificate =
        *IssueCertificate(authority_, *MakeRequest(files.key), names, absl::Hours(1));
    support::WriteTlsFolder(files, dir_.File(folder));
    return dir_.File(folder);
  }

  // The list that holds `images_`, with these peers, as the mounted ConfigMap brings it.
  void WriteList(const std::vector<std::pair<std::string, std::string>>& peers,
                 const Authority& authority) {
    const auto list = SignDesired(List(peers), authority);
    ASSERT_OK(list.status());
    ASSERT_OK(WriteFileAtomic(dir_.File("desired"), list->SerializeAsString(), 0600));
  }

  v1::Desired List(const std::vector<std::pair<std::string, std::string>>& peers) const {
    v1::Desired desired;
    desired.set_generation(1);
    v1::DesiredRelease* const release = desired.add_releases();
    release->set_name("harbor/quayside");
    for (const v1::Image& from : images_.start().images()) {
      v1::DesiredImage* const image = release->add_images();
      image->set_manifest_digest(from.manifest_digest());
      image->set_manifest_media_type(from.manifest_media_type());
      image->set_manifest_size(from.manifest().size());
      *image->mutable_names() = from.names();
    }
    for (const auto& [node, address] : peers) {
      v1::DesiredPeer* const peer = desired.add_peers();
      peer->set_node(node);
      peer->set_address(address);
    }
    return desired;
  }

  // The agent of a node that has just joined: it has no certificate of its own.
  std::unique_ptr<AgentProcess> LateAgent() {
    auto agent = AgentProcess::Launch({"--listen", "127.0.0.1:0", "--state-dir", dir_.File("state"),
                                       "--node-name", "late", "--member-dir", dir_.File("member"),
                                       "--desired-file", dir_.File("desired"),
                                       "--containerd-socket", containerd().socket()});
    EXPECT_OK(agent.status());
    return agent.ok() ? *std::move(agent) : nullptr;
  }

  bool HasName() {
    const NodeListing listing = NodeTest::List();
    return std::any_of(listing.images.begin(), listing.images.end(), [](const std::string& image) {
      return absl::StartsWith(image, absl::StrCat(kName, " "));
    });
  }

  // Until the node has its image, and is seen to have it complete.
  void ExpectArrives(AgentProcess& agent) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (!HasName()) {
      ASSERT_LT(absl::Now(), give_up) << agent.log();
      absl::SleepFor(absl::Milliseconds(100));
    }
    ExpectProven(images_);
  }

  support::TempDir dir_;
  const Authority authority_ = *MakeAuthority();
  ImageSet images_;
};
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
    request.add_names(name);
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

}  // namespace
}  // namespace lighter::testing
