#include "common/tls.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "common/file.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace lighter {
namespace {

using support::CertificateAuthority;
using ::testing::HasSubstr;

const std::string kAgent(kAgentTlsName);
const std::string kCoordinator(kCoordinatorTlsName);

class TlsFolderTest : public ::testing::Test {
 protected:
  // ReadTlsFolder of a folder with these files.
  absl::Status Read(const TlsFiles& files) {
    support::WriteTlsFolder(files, folder_);
    return ReadTlsFolder(folder_, {kAgent}).status();
  }

  support::TempDir dir_;
  const std::string folder_ = dir_.File("tls");
  const CertificateAuthority ca_;
};

void ExpectError(const absl::Status& status, absl::StatusCode code,
                 const std::vector<std::string>& parts) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& part : parts) EXPECT_THAT(Message(status), HasSubstr(part));
}

TEST_F(TlsFolderTest, ReadsWhatIsUsable) {
  const TlsFiles files = ca_.Issue(kAgent);
  support::WriteTlsFolder(files, folder_);
  const auto read = ReadTlsFolder(folder_, {kAgent});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ca, files.ca);
  EXPECT_EQ(read->certificate, files.certificate);
  EXPECT_EQ(read->key, files.key);
}

TEST_F(TlsFolderTest, SaysWhatIsWrongAndWhere) {
  TlsFiles files = ca_.Issue(kAgent);
  files.key = ca_.Issue(kAgent).key;
  ExpectError(Read(files), absl::StatusCode::kFailedPrecondition,
              {folder_ + "/tls.key does not belong to " + folder_ + "/tls.crt"});
  files = ca_.Issue(kAgent);
  files.ca = CertificateAuthority().Issue(kAgent).ca;
  ExpectError(Read(files), absl::StatusCode::kFailedPrecondition,
              {"not issued by " + folder_ + "/ca.crt"});
  ExpectError(Read(ca_.Issue(kCoordinator)), absl::StatusCode::kFailedPrecondition,
              {"does not carry the DNS name lighter-agent"});
  for (const absl::Duration shift : {absl::Hours(48), absl::Hours(-48)}) {
    ExpectError(Read(ca_.Issue(kAgent, shift)), absl::StatusCode::kFailedPrecondition,
                {"valid from", "this machine's clock says"});
  }
}

TEST_F(TlsFolderTest, MissingAndDamagedFilesAreNamed) {
  ExpectError(ReadTlsFolder(dir_.File("none"), {kAgent}).status(), absl::StatusCode::kNotFound,
              {"none/ca.crt"});
  TlsFiles files = ca_.Issue(kAgent);
  files.certificate = "not PEM";
  ExpectError(Read(files), absl::StatusCode::kInvalidArgument, {"tls.crt: not a PEM certificate"});
  files = ca_.Issue(kAgent);
  files.key = "";
  ExpectError(Read(files), absl::StatusCode::kInvalidArgument, {"tls.key: not a PEM private key"});
}

TEST_F(TlsFolderTest, EveryNameMustBeThere) {
  const TlsFiles files = ca_.Issue(kAgent);
  EXPECT_TRUE(CheckTlsFiles(files, AgentTlsNames(""), "").ok());
  ExpectError(CheckTlsFiles(files, AgentTlsNames("node1"), ""),
              absl::StatusCode::kFailedPrecondition,
              {"tls.crt: does not carry the DNS name node1.lighter-agent"});
}

TEST_F(TlsFolderTest, TheAuthorityMustBeValidToo) {
  // Its certificate begins an hour back; the leaf's, two days.
  const absl::Duration back = absl::Hours(-47);
  ExpectError(CheckTlsFiles(ca_.Issue(kAgent, back), {kAgent}, "", absl::Now() - absl::Hours(30)),
              absl::StatusCode::kFailedPrecondition,
              {"ca.crt: valid from", "this machine's clock says"});
}

// Answers every call with what CheckPeerName says of the caller.
class PeerNameService : public grpc::CallbackGenericService {
 public:
  explicit PeerNameService(std::string_view expected) : expected_(expected) {}

 private:
  class Reactor : public grpc::ServerGenericBidiReactor {
   public:
    void OnDone() override { delete this; }
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    auto* reactor = new Reactor;
    reactor->Finish(ToGrpc(CheckPeerName(*context->auth_context(), expected_)));
    return reactor;
  }

  const std::string expected_;
};

class MutualTlsTest : public ::testing::Test {
 protected:
  MutualTlsTest() : service_(kCoordinatorTlsName) {}

  // An agent's server with these files; gives "host:port".
  std::string Serve(const TlsFiles& files) {
    support::WriteTlsFolder(files, folder_);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", MakeServerCredentials(folder_), &port);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    return "127.0.0.1:" + std::to_string(port);
  }

  static grpc::Status Call(const std::string& address, const TlsFiles& files) {
    grpc::GenericStub stub(DialAgent(address, MakeChannelCredentials(files), kAgent));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    grpc::Slice slice("x");
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, "/test/Call", {}, &request, &response,
                   [&done](const grpc::Status& status) { done.set_value(status); });
    return done.get_future().get();
  }

  support::TempDir dir_;
  const std::string folder_ = dir_.File("tls");
  const CertificateAuthority ca_;
  PeerNameService service_;
  std::unique_ptr<grpc::Server> server_;
};

// The service never sends a response message, so a call that gets through fails with what gRPC
// makes of that; only the codes of refusal matter here.
TEST_F(MutualTlsTest, ACoordinatorGetsThrough) {
  const std::string address = Serve(ca_.Issue(kAgent));
  const grpc::Status status = Call(address, ca_.Issue(kCoordinator));
  EXPECT_NE(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << status.error_message();
  EXPECT_NE(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
}

TEST_F(MutualTlsTest, AnotherMemberIsRefusedByName) {
  const std::string address = Serve(ca_.Issue(kAgent));
  const grpc::Status status = Call(address, ca_.Issue(kAgent));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr(kCoordinator));
}

TEST_F(MutualTlsTest, AStrangersCertificateDoesNotConnect) {
  const std::string address = Serve(ca_.Issue(kAgent));
  TlsFiles stranger = CertificateAuthority().Issue(kCoordinator);
  EXPECT_EQ(Call(address, stranger).error_code(), grpc::StatusCode::UNAVAILABLE);
  stranger.ca = ca_.Issue(kAgent).ca;  // trusts the server, is not trusted by it
  EXPECT_EQ(Call(address, stranger).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(MutualTlsTest, NewFilesAreUsedWithoutARestart) {
  const std::string address = Serve(ca_.Issue(kAgent));
  const CertificateAuthority other;
  EXPECT_EQ(Call(address, other.Issue(kCoordinator)).error_code(), grpc::StatusCode::UNAVAILABLE);
  support::WriteTlsFolder(other.Issue(kAgent), folder_);
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (Call(address, other.Issue(kCoordinator)).error_code() == grpc::StatusCode::UNAVAILABLE) {
    ASSERT_LT(absl::Now(), give_up);
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(Call(address, ca_.Issue(kCoordinator)).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call(address, other.Issue(kAgent)).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(MutualTlsTest, AServerThatIsNoAgentIsRefused) {
  const std::string address = Serve(ca_.Issue(kCoordinator));
  EXPECT_EQ(Call(address, ca_.Issue(kCoordinator)).error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace lighter
