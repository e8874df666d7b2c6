// The program lighter-agent: who may talk to it, and what its sudden death costs.
#include "tests/integration/agent_process.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>

#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/tls.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::HasSubstr;

class AgentProcessTest : public NodeTest {
 protected:
  std::unique_ptr<AgentProcess> StartAgent() {
    auto agent = AgentProcess::Start({"--listen", "127.0.0.1:0", "--tls-dir", agent_tls_,
                                      "--containerd-socket", containerd().socket(), "--node-name",
                                      "node-7"});
    EXPECT_OK(agent.status());
    return agent.ok() ? *std::move(agent) : nullptr;
  }

  TestCa ca_;
  const std::string agent_tls_ = ca_.Issue(std::string(kAgentTlsName));
  const std::string coordinator_tls_ = ca_.Issue(std::string(kCoordinatorTlsName));
};
FOR_EVERY_CONTAINERD(AgentProcessTest);

absl::Status AskInfo(v1::Agent::Stub* stub, v1::InfoReply* reply) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  return FromGrpc(stub->Info(&context, {}, reply));
}

TEST_P(AgentProcessTest, LoadsOverMutualTls) {
  const std::unique_ptr<AgentProcess> agent = StartAgent();
  ASSERT_NE(agent, nullptr);
  const auto stub = DialWith(coordinator_tls_, agent->address());
  v1::InfoReply info;
  ASSERT_OK(AskInfo(stub.get(), &info));
  EXPECT_EQ(info.node_name(), "node-7");

  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 3'000'000, 1)}), {"example.com/a:1"});
  ASSERT_OK(Load(stub.get(), images).status);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(AgentProcessTest, AKilledAgentsLoadIsContinued) {
  const support::Layer layer = DataLayer("a", 20'000'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("b", 1000, 2), layer}), {"example.com/a:1"});
  std::unique_ptr<AgentProcess> agent = StartAgent();
  ASSERT_NE(agent, nullptr);
  {
    const auto stub = DialWith(coordinator_tls_, agent->address());
    LoadClient client(stub.get(), &images);
    ASSERT_TRUE(client.Begin());
    ASSERT_TRUE(client.SendBytes(15'000'000));
    ASSERT_TRUE(client.ReadUntil(
        [](const v1::LoadReply& reply) { return reply.progress().stored_bytes() > 8'000'000; }));
    agent->Kill();
    EXPECT_EQ(client.End().status.code(), absl::StatusCode::kUnavailable);
  }
  agent = StartAgent();
  ASSERT_NE(agent, nullptr);
  const auto stub = DialWith(coordinator_tls_, agent->address());
  const LoadResult result = Load(stub.get(), images);
  ASSERT_OK(result.status);
  ASSERT_EQ(result.need.blobs_size(), 1);
  EXPECT_GT(result.need.blobs(0).offset(), 0U);
  ExpectProven(images);
  ExpectNothingLeaked();
}

TEST_P(AgentProcessTest, SigtermEndsItInMidLoad) {
  std::unique_ptr<AgentProcess> agent = StartAgent();
  ASSERT_NE(agent, nullptr);
  const auto stub = DialWith(coordinator_tls_, agent->address());
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 3'000'000, 1)}), {"example.com/a:1"});
  LoadClient client(stub.get(), &images);
  ASSERT_TRUE(client.Begin());
  agent->process().Signal(SIGTERM);
  EXPECT_EQ(agent->process().Wait(), 0);
  EXPECT_FALSE(client.End().status.ok());
}

TEST_P(AgentProcessTest, StrangersAreRefused) {
  const std::unique_ptr<AgentProcess> agent = StartAgent();
  ASSERT_NE(agent, nullptr);
  v1::InfoReply info;
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});

  // A certificate of the same authority that does not speak for a coordinator.
  for (const std::string& name : {std::string("member-1"), std::string("lighter-coordinator.evil"),
                                  std::string(kAgentTlsName)}) {
    const auto member =
        DialWith(name == kAgentTlsName ? agent_tls_ : ca_.Issue(name), agent->address());
    EXPECT_EQ(AskInfo(member.get(), &info).code(), absl::StatusCode::kPermissionDenied) << name;
    v1::InventoryReply inventory;
    grpc::ClientContext context;
    EXPECT_EQ(member->Inventory(&context, images.inventory(), &inventory).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Load(member.get(), images).status.code(), absl::StatusCode::kPermissionDenied);
  }
  // The right name from another authority.
  const TestCa other_ca;
  const std::string forged = other_ca.Issue(std::string(kCoordinatorTlsName));
  EXPECT_FALSE(AskInfo(DialWith(forged, agent->address()).get(), &info).ok());
  std::filesystem::copy_file(ca_.folder().File("ca.crt"), forged + "/ca.crt",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(AskInfo(DialWith(forged, agent->address()).get(), &info).code(),
            absl::StatusCode::kUnavailable);
  // No certificate at all, and no TLS.
  const std::string agent_name(kAgentTlsName);
  grpc::SslCredentialsOptions anonymous;
  anonymous.pem_root_certs =
      ReadTlsFolder(coordinator_tls_, {std::string(kCoordinatorTlsName)})->ca;
  const auto nobody =
      v1::Agent::NewStub(DialAgent(agent->address(), grpc::SslCredentials(anonymous), agent_name));
  EXPECT_EQ(AskInfo(nobody.get(), &info).code(), absl::StatusCode::kUnavailable);
  const auto clear = v1::Agent::NewStub(
      DialAgent(agent->address(), grpc::InsecureChannelCredentials(), agent_name));
  EXPECT_EQ(AskInfo(clear.get(), &info).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(List(), NodeListing());
}

TEST_P(AgentProcessTest, AUnixSocketIsForItsOwnerAlone) {
  const std::string path = containerd().folder() + "/agent.sock";
  const auto agent = AgentProcess::Start(
      {"--listen", "unix:" + path, "--containerd-socket", containerd().socket()});
  ASSERT_OK(agent.status());
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(st.st_mode & 0777, 0600U);
  const auto stub = v1::Agent::NewStub(DialUnix(path));
  v1::InfoReply info;
  EXPECT_OK(AskInfo(stub.get(), &info));
}

TEST_P(AgentProcessTest, NetworkWithoutTlsIsRefused) {
  const auto agent = AgentProcess::Start({"--listen", "127.0.0.1:0"});
  EXPECT_EQ(agent.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(agent.status().message()), HasSubstr("needs --tls-dir"));
}

TEST_P(AgentProcessTest, AnUnreachableContainerdIsNamed) {
  const auto agent =
      AgentProcess::Start({"--listen", "127.0.0.1:0", "--tls-dir", agent_tls_,
                           "--containerd-socket", containerd().folder() + "/nothing.sock"});
  ASSERT_OK(agent.status());
  const auto stub = DialWith(coordinator_tls_, (*agent)->address());
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
  const LoadResult result = Load(stub.get(), images);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("containerd is not reachable at"));
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("/nothing.sock"));
}

}  // namespace
}  // namespace lighter::testing
