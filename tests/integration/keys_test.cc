// Keys of the nodes' own, with the real agent over real TLS: who is served, who is not, and that
// the agent still serves afterwards. No containerd runs here.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/pki.h"
#include "common/status.h"
#include "common/tls.h"
#include "coordinator/transfer/agent_dialer.h"
#include "tests/integration/agent_process.h"
#include "tests/integration/node_test.h"
#include "tests/support/certificates.h"

namespace lighter::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);
const std::string kCoordinator(kCoordinatorTlsName);

using Stub = v1::Agent::StubInterface;

std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  return context;
}

// Asks for the inventory of an image that is none: only an agent that listens to the caller finds
// that out, and it needs no containerd for it.
absl::Status Ask(Stub* stub) {
  v1::InventoryRequest request;
  request.add_images();
  v1::InventoryReply reply;
  return FromGrpc(stub->Inventory(Context().get(), request, &reply));
}

bool Reached(const absl::Status& status) { return absl::IsInvalidArgument(status); }

// Keys and certificate for one end of TLS.
TlsFiles Issue(const Authority& authority, const std::vector<std::string>& names,
               absl::Time now = absl::Now(), absl::Duration lifetime = absl::Hours(1)) {
  TlsFiles files;
  files.ca = authority.certificate;
  files.key = *MakeKey();
  files.certificate = *IssueCertificate(authority, *MakeRequest(files.key), names, lifetime, now);
  return files;
}

std::unique_ptr<v1::Agent::Stub> Dial(const std::string& address, const TlsFiles& files) {
  return v1::Agent::NewStub(
      DialAgent(address, MakeChannelCredentials(files), std::string(kAgentTlsName)));
}

// An agent with a state folder, as `lighter agent install` runs it.
struct TestNode {
  std::string name;
  std::string state;
  std::unique_ptr<AgentProcess> agent;

  const std::string& address() const { return agent->address(); }
};

class KeysTest : public ::testing::Test {
 protected:
  TestNode Launch(const std::string& name) {
    TestNode node{name, dir_.File(name), nullptr};
    auto agent =
        AgentProcess::Launch({"--listen", "127.0.0.1:0", "--state-dir", node.state, "--node-name",
                              name, "--containerd-socket", dir_.File("nothing.sock")});
    EXPECT_OK(agent.status());
    node.agent = *std::move(agent);
    EXPECT_OK(node.agent->AwaitLog("waits for a certificate"));
    return node;
  }

  // Runs a subcommand on `node` with `input` on its standard input.
  CommandResult Command(const TestNode& node, const std::string& command,
                        const std::string& input = "") {
    const std::string file = dir_.File("input");
    EXPECT_OK(WriteFileAtomic(file, input, 0600));
    return RunCommand({"sh", "-c", "NODE_NAME=$1 \"$2\" \"$3\" --state-dir \"$4\" <\"$5\" 2>&1",
                       "sh", node.name, LIGHTER_AGENT_BINARY, command, node.state, file});
  }

  // What the install does for one node; `node` is who the certificate is for.
  CommandResult Enroll(const TestNode& node, const Authority& authority,
                       absl::Time now = absl::Now()) {
    const CommandResult request = Command(node, "certificate-request");
    EXPECT_EQ(request.exit_code, 0) << request.output;
    const auto certificate = IssueCertificate(authority, request.output, AgentTlsNames(node.name),
                                              kNodeCertificateLifetime, now);
    EXPECT_OK(certificate.status());
    return Command(node, "accept-certificate", *certificate + authority.certificate);
  }

  TestNode Start(const std::string& name) {
    TestNode node = Launch(name);
    const CommandResult accepted = Enroll(node, authority_);
    EXPECT_EQ(accepted.exit_code, 0) << accepted.output;
    EXPECT_OK(node.agent->AwaitListening());
    return node;
  }

  absl::Status AskAs(const Authority& authority, const std::string& name,
                     const std::string& address) {
    const auto dialer = AgentDialer::FromAuthority(authority);
    return dialer.ok() ? Ask(dialer->Dial(name, address).get()) : dialer.status();
  }
  void ExpectServes(const TestNode& node) {
    const absl::Status status = AskAs(authority_, node.name, node.address());
    EXPECT_TRUE(Reached(status)) << status << node.agent->log();
  }
  static void ExpectNoConnection(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_FALSE(Reached(status)) << status;
  }

  support::TempDir dir_;
  const Authority authority_ = *MakeAuthority();
};

TEST_F(KeysTest, ANodeIsEnrolledAndItsCertificateRenewedWhileItServes) {
  TestNode node = Launch("node-1");
  EXPECT_EQ(node.agent->log().find(" on 127.0.0.1"), std::string::npos);
  CommandResult accepted = Enroll(node, authority_);
  EXPECT_EQ(accepted.exit_code, 0);
  EXPECT_THAT(accepted.output,
              ::testing::MatchesRegex("\\{\"notAfter\":\"[-0-9T:]*[+]00:00\"\\}\n"));
  ASSERT_OK(node.agent->AwaitListening());
  ExpectServes(node);

  const Authority other = *MakeAuthority();
  ExpectNoConnection(AskAs(other, node.name, node.address()));
  EXPECT_EQ(Enroll(node, other).exit_code, 0);
  const absl::Time give_up = absl::Now() + kPatience;
  while (!Reached(AskAs(other, node.name, node.address()))) ASSERT_LT(absl::Now(), give_up);
  ExpectNoConnection(AskAs(authority_, node.name, node.address()));
  EXPECT_TRUE(node.agent->process().running());
}

TEST_F(KeysTest, ARestartedAgentNeedsNobody) {
  TestNode node = Start("node-1");
  node.agent->Kill();
  auto again =
      AgentProcess::Start({"--listen", "127.0.0.1:0", "--state-dir", node.state, "--node-name",
                           node.name, "--containerd-socket", dir_.File("nothing.sock")});
  ASSERT_OK(again.status());
  node.agent = *std::move(again);
  ExpectServes(node);
}

TEST_F(KeysTest, AnExpiredCertificateIsWaitedOutAloud) {
  const std::string state = dir_.File("node-1");
  const TlsFiles expired =
      Issue(authority_, AgentTlsNames("node-1"), absl::Now() - absl::Hours(26));
  support::WriteTlsFolder(expired, state);
  const TestNode node = Launch("node-1");
  EXPECT_THAT(node.agent->log(), HasSubstr("this machine's clock says"));
  EXPECT_EQ(Enroll(node, authority_).exit_code, 0);
  ASSERT_OK(node.agent->AwaitListening());
  ExpectServes(node);
}

TEST_F(KeysTest, NobodyWithoutAGoodCertificateConnects) {
  const TestNode node = Start("node-1");
  grpc::SslCredentialsOptions anonymous;
  anonymous.pem_root_certs = authority_.certificate;
  ExpectNoConnection(
      Ask(v1::Agent::NewStub(
              DialAgent(node.address(), grpc::SslCredentials(anonymous), NodeTlsName(node.name)))
              .get()));
  ExpectServes(node);

  const TlsFiles expired = Issue(authority_, {kCoordinator}, absl::Now() - absl::Hours(26));
  ExpectNoConnection(Ask(Dial(node.address(), expired).get()));
  ExpectServes(node);

  TlsFiles forged = Issue(*MakeAuthority(), {kCoordinator});
  ExpectNoConnection(Ask(Dial(node.address(), forged).get()));
  forged.ca = authority_.certificate;  // trusts the agent, is not trusted by it
  ExpectNoConnection(Ask(Dial(node.address(), forged).get()));
  ExpectServes(node);

  // A member plays the authority.
  const TlsFiles member = Issue(authority_, AgentTlsNames("node-2"));
  EXPECT_EQ(AgentDialer::FromAuthority({member.certificate, member.key}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(KeysTest, AMembersCertificateLoadsNothing) {
  const TestNode node = Start("node-1");
  for (const std::string& member : {std::string("node-1"), std::string("node-2")}) {
    const auto stub = Dial(node.address(), Issue(authority_, AgentTlsNames(member)));
    EXPECT_EQ(Ask(stub.get()).code(), absl::StatusCode::kPermissionDenied);
    v1::InfoReply info;
    EXPECT_EQ(stub->Info(Context().get(), {}, &info).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
    ImageSet images;
    images.Add(support::MakeImage({}, {DataLayer("a", 1000, 1)}), {"example.com/a:1"});
    EXPECT_EQ(Load(stub.get(), images).status.code(), absl::StatusCode::kPermissionDenied);
    ExpectServes(node);
  }
}

TEST_F(KeysTest, ANodesCertificateDoesNotSpeakForAnother) {
  const TestNode node1 = Start("node-1");
  const TestNode node2 = Start("node-2");
  ExpectNoConnection(AskAs(authority_, "node-2", node1.address()));
  ExpectNoConnection(AskAs(authority_, "node-1", node2.address()));
  ExpectServes(node1);
  ExpectServes(node2);
  // The folder of one on the disk of the other.
  const CommandResult request = Command(node1, "certificate-request");
  const auto certificate = IssueCertificate(authority_, request.output, AgentTlsNames("node-2"),
                                            kNodeCertificateLifetime);
  const CommandResult accepted =
      Command(node1, "accept-certificate", *certificate + authority_.certificate);
  EXPECT_EQ(accepted.exit_code, 1);
  EXPECT_THAT(accepted.output, HasSubstr("does not carry the DNS name node-1.lighter-agent"));
  ExpectServes(node1);
}

// A site's own PKI may have one certificate for all agents.
TEST_F(KeysTest, ATlsFolderGoesByTheRoleAlone) {
  const std::string agent_tls = dir_.File("agent");
  const std::string coordinator_tls = dir_.File("coordinator");
  support::WriteTlsFolder(Issue(authority_, {std::string(kAgentTlsName)}), agent_tls);
  support::WriteTlsFolder(Issue(authority_, {kCoordinator}), coordinator_tls);
  const auto agent =
      AgentProcess::Start({"--listen", "127.0.0.1:0", "--tls-dir", agent_tls, "--node-name",
                           "node-1", "--containerd-socket", dir_.File("nothing.sock")});
  ASSERT_OK(agent.status());
  const auto dialer = AgentDialer::FromTlsFolder(coordinator_tls);
  ASSERT_OK(dialer.status());
  const absl::Status status = Ask(dialer->Dial("node-1", (*agent)->address()).get());
  EXPECT_TRUE(Reached(status)) << status;
}

TEST_F(KeysTest, AnOversizedMessageIsRefused) {
  const TestNode node = Start("node-1");
  const TlsFiles files = Issue(authority_, {kCoordinator});
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(std::string(kAgentTlsName));
  arguments.SetMaxSendMessageSize(-1);
  const auto stub = v1::Agent::NewStub(
      grpc::CreateCustomChannel(node.address(), MakeChannelCredentials(files), arguments));
  v1::InventoryRequest request;
  request.add_images()->add_names(std::string(kMaxMessageBytes + 1, 'a'));
  v1::InventoryReply reply;
  EXPECT_EQ(stub->Inventory(Context().get(), request, &reply).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  ExpectServes(node);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd Connect(const std::string& host_port) {
  const sockaddr_in address = Loopback(std::atoi(host_port.c_str() + host_port.rfind(':') + 1));
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.reset();
  }
  return fd;
}

// Until the other side has closed it, whatever it sends before.
bool AwaitClosed(const UniqueFd& fd) {
  const timeval timeout{.tv_sec = 20};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  char byte = 0;
  ssize_t n = 0;
  while ((n = ::recv(fd.get(), &byte, 1, 0)) > 0) {
  }
  return n == 0 || errno == ECONNRESET;
}

// Lower than what the flood needs; an agent raises it for itself.
class LowFileLimit {
 public:
  LowFileLimit() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = 128;
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  ~LowFileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(KeysTest, HalfOpenConnectionsDoNotSilenceIt) {
  TestNode node;
  {
    const LowFileLimit low;
    node = Start("node-1");
  }
  std::vector<UniqueFd> flood;
  for (int i = 0; i < 300; ++i) {
    flood.push_back(Connect(node.address()));
    ASSERT_TRUE(flood.back().ok()) << i;
    // Some say nothing, some begin a handshake and stop.
    if (i % 2 == 0) {
      ASSERT_EQ(::send(flood.back().get(), "\x16\x03\x01\x02", 4, MSG_NOSIGNAL), 4);
    }
    if (i % 100 == 99) ExpectServes(node);
  }
  ExpectServes(node);
  for (const UniqueFd& fd : flood) ASSERT_TRUE(AwaitClosed(fd));
  ExpectServes(node);
}

// Sets what every HTTP library obeys; gRPC too, unless told not to.
class ProxyVariables {
 public:
  explicit ProxyVariables(const std::string& url) {
    for (const char* name : kNames) ::setenv(name, url.c_str(), 1);
  }
  ~ProxyVariables() {
    for (const char* name : kNames) ::unsetenv(name);
  }

 private:
  static constexpr const char* kNames[] = {"grpc_proxy", "https_proxy", "http_proxy"};
};

TEST_F(KeysTest, AProxyThatSwallowsEverythingIsNotAsked) {
  const UniqueFd hole(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(hole.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(hole.get(), 10), 0);
  ASSERT_EQ(::getsockname(hole.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const ProxyVariables proxy(absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port)));

  const TestNode node = Start("node-1");
  ExpectServes(node);
  EXPECT_EQ(::accept(hole.get(), nullptr, nullptr), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(KeysTest, ASignersClockMayBeADayOff) {
  const TestNode node = Start("node-1");
  for (const absl::Duration off : {absl::Hours(26), absl::Hours(-26)}) {
    const Authority authority = *MakeAuthority(absl::Now() + off);
    EXPECT_EQ(Enroll(node, authority, absl::Now() + off).exit_code, 0);
    const TlsFiles coordinator =
        Issue(authority, {kCoordinator}, absl::Now() + off, kRunCertificateLifetime);
    const absl::Time give_up = absl::Now() + kPatience;
    while (!Reached(Ask(Dial(node.address(), coordinator).get()))) ASSERT_LT(absl::Now(), give_up);
  }
  // A clock that is off by more than a week is told.
  const absl::Time later = absl::Now() + absl::Hours(9 * 24);
  const CommandResult refused = Enroll(node, *MakeAuthority(later), later);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("this machine's clock says"));
}

TEST_F(KeysTest, SubcommandsSayWhatIsWrong) {
  const TestNode node = Start("node-1");
  const auto run = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), LIGHTER_AGENT_BINARY);
    return RunCommand(arguments);
  };
  for (const std::string& command :
       {std::string("certificate-request"), std::string("accept-certificate"),
        std::string("remove-state")}) {
    const CommandResult help = run({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << help.output;
    EXPECT_THAT(help.output, HasSubstr("--state-dir"));
    const CommandResult nowhere = run({command});
    EXPECT_EQ(nowhere.exit_code, 1);
    EXPECT_THAT(nowhere.output, HasSubstr("--state-dir is required"));
  }
  const CommandResult nothing = Command(node, "accept-certificate");
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_THAT(nothing.output, HasSubstr("not two PEM certificates"));
  const CommandResult flood =
      Command(node, "accept-certificate", std::string(kMaxPemBytes + 1, 'a'));
  EXPECT_EQ(flood.exit_code, 1);
  EXPECT_THAT(flood.output, HasSubstr("standard input: at most"));
  ExpectServes(node);

  for (const auto& [flags, reason] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "give --listen"},
           {{"--listen", "127.0.0.1:0"}, "needs --tls-dir or --state-dir"},
           {{"--listen", "127.0.0.1:0", "--tls-dir", "a", "--state-dir", "b"}, "give either"}}) {
    const CommandResult result = run(flags);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.output, HasSubstr(reason));
  }
}

TEST_F(KeysTest, RemovedStateLeavesNothing) {
  const TestNode node = Start("node-1");
  const CommandResult removed = Command(node, "remove-state");
  EXPECT_EQ(removed.exit_code, 0) << removed.output;
  EXPECT_FALSE(std::filesystem::exists(node.state));
  EXPECT_EQ(Command(node, "remove-state").exit_code, 0);
  ExpectServes(node);  // until it is stopped
}

}  // namespace
}  // namespace lighter::testing
