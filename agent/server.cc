#include "agent/server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/desired/desired_list.h"
#include "agent/desired/keeper.h"
#include "agent/desired/node_content.h"
#include "agent/desired/peer_client.h"
#include "agent/desired/peer_service.h"
#include "agent/identity.h"
#include "agent/registry/mirrors.h"
#include "agent/registry/registry_server.h"
#include "agent/root_check.h"
#include "agent/stop_signals.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/tls.h"
#include "common/version.h"

namespace lighter {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::chrono::seconds kShutdownTimeout(1);
constexpr absl::Duration kCertificatePoll = absl::Milliseconds(250);
constexpr absl::Duration kStopPoll = absl::Seconds(5);
constexpr absl::Duration kWaitingReminder = absl::Minutes(1);
constexpr absl::Duration kRegistryPause = absl::Seconds(5);
// Of calls that are no loads; a load has a thread of its own.
constexpr int kMaxThreads = 64;
// Of a connection, from accept to a working HTTP/2.
constexpr int kHandshakeTimeoutMs = 5000;
// Of one connection. A coordinator needs a handful.
constexpr int kMaxStreams = 16;
// A connection that never shakes hands holds a descriptor for kHandshakeTimeoutMs, and gRPC 1.51
// never listens again once it has run out of them.
constexpr rlim_t kWantedFiles = 65536;
constexpr rlim_t kFewFiles = 4096;

bool IsUnix(const std::string& listen) { return listen.starts_with(kUnixPrefix); }

// gRPC wants an IPv6 address in brackets; a DaemonSet knows its node's address only without.
std::string WithBrackets(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  const std::string host = listen.substr(0, colon);
  if (IsUnix(listen) || host.find(':') == std::string::npos || host.starts_with('[')) return listen;
  return "[" + host + "]" + listen.substr(colon);
}

void Configure(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder->SetMaxSendMessageSize(kMaxMessageBytes);
  builder->SetResourceQuota(grpc::ResourceQuota("lighter-agent").SetMaxThreads(kMaxThreads));
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  // A coordinator that vanished without a word is noticed within half a minute.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // And the coordinator's own pings (DialAgent) are welcome.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Two agents on one address would take turns in answering.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

// Container runtimes often leave the soft limit at 1024 and the hard one far above.
void RaiseFileLimit(const AgentOptions& agent) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kWantedFiles));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= kFewFiles) return;
  agent.log(absl::StrCat("only ", limit.rlim_cur,
                         " open files are allowed here; a flood of connections can silence the "
                         "agent (raise the hard limit of open files)"));
}

absl::Status CheckOptions(const ServerOptions& options) {
  if (options.listen.empty()) {
    return absl::InvalidArgumentError("give --listen ADDRESS:PORT or --listen unix:PATH");
  }
  if (IsUnix(options.listen)) return absl::OkStatus();
  if (options.tls_dir.empty() && options.state_dir.empty()) {
    return absl::InvalidArgumentError(
        "--listen on a network address needs --tls-dir or --state-dir: the agent speaks mutual TLS "
        "only");
  }
  if (!options.tls_dir.empty() && !options.state_dir.empty()) {
    return absl::InvalidArgumentError(
        "give either --tls-dir (certificates from outside) or --state-dir (a key of its own)");
  }
  return absl::OkStatus();
}

// What keeps the node to the desired list, from before the agent has a certificate of its own.
class DesiredWork {
 public:
  explicit DesiredWork(const ServerOptions& options)
      : options_(options),
        containerd_(Containerd(options.agent.containerd_socket).Scoped({"", options.agent.calls})),
        list_(
            {options.state_dir, options.member_dir, options.desired_file, options.agent.node_name},
            options.agent.log),
        peers_(options.state_dir, options.member_dir, options.agent.node_name),
        content_(containerd_, &list_, &peers_, options.agent.calls),
        keeper_(options.agent, &list_, &content_, options.held_file),
        service_(containerd_, &list_) {}

  // The node's own registry is a second line: without it the agent is of use, too. Does nothing
  // where it runs, or was tried a moment ago.
  void TryRegistry() {
    if (options_.registry.empty() || registry_ != nullptr || absl::Now() < next_try_) return;
    next_try_ = absl::Now() + kRegistryPause;
    auto server = RegistryServer::Start(options_.registry, &content_, options_.agent.log);
    const std::string problem = server.ok() ? "" : Message(server.status());
    if (problem != problem_) {
      options_.agent.log(problem.empty() ? "the registry on this node runs now"
                                         : "no registry on this node: " + problem);
    }
    problem_ = problem;
    keeper_.SetRegistryProblem(problem);
    if (!server.ok()) return;
    registry_ = *std::move(server);
    if (options_.mirror_dir.empty()) return;
    try {
      StartMirrors();
    } catch (const std::system_error& error) {  // no thread for it
      options_.agent.log(absl::StrCat("--mirror is without effect: ", error.what()));
    }
  }

  // From any thread. Without a registry nothing is written, and every mirror says so.
  std::vector<v1::Mirror> MirrorStates() const {
    const std::lock_guard lock(mutex_);
    if (mirrors_ != nullptr) return mirrors_->State();
    std::vector<v1::Mirror> states;
    for (const std::string& registry : options_.mirrors) {
      v1::Mirror& state = states.emplace_back();
      state.set_registry(registry);
      state.set_tried(true);
      state.set_problem(options_.mirror_dir.empty()
                            ? "the folder for it could not be made on this node; name another one: "
                              "`lighter agent upgrade --mirror-folder FOLDER`; or make it, and run "
                              "`lighter agent install` with its other flags but without --mirror, "
                              "then with it"
                            : "the node's own registry does not run");
    }
    return states;
  }

  DesiredList* list() { return &list_; }
  Keeper* keeper() { return &keeper_; }
  PeerService* service() { return &service_; }

 private:
  void StartMirrors() {
    const std::lock_guard lock(mutex_);
    mirrors_ = std::make_unique<Mirrors>(containerd_,
                                         MirrorOptions{.registries = options_.mirrors,
                                                       .folder = options_.mirror_dir,
                                                       .registry = options_.registry,
                                                       .alive = options_.state_dir},
                                         options_.agent.log);
  }

  const ServerOptions options_;
  const Containerd containerd_;
  DesiredList list_;
  PeerClient peers_;
  NodeContent content_;
  Keeper keeper_;
  PeerService service_;
  std::string problem_;
  absl::Time next_try_ = absl::InfinitePast();
  std::unique_ptr<RegistryServer> registry_;
  mutable std::mutex mutex_;
  std::unique_ptr<Mirrors> mirrors_;
};

// False where a stop signal came first.
bool AwaitCertificate(const ServerOptions& options, const sigset_t& stop_signals,
                      DesiredWork& desired) {
  const std::vector<std::string> names = AgentTlsNames(options.agent.node_name);
  absl::Time next_reminder = absl::InfinitePast();
  while (true) {
    const absl::Status status = ReadTlsFolder(options.state_dir, names).status();
    if (status.ok()) return true;
    if (absl::Now() >= next_reminder) {
      options.agent.log("waits for a certificate (" + Message(status) +
                        "); `lighter agent install` brings one");
      next_reminder = absl::Now() + kWaitingReminder;
    }
    desired.TryRegistry();
    if (StopCame(stop_signals, kCertificatePoll)) return false;
  }
}

}  // namespace

absl::Status Serve(ServerOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  const sigset_t stop_signals = BlockStopSignals();
  AgentOptions& agent = options.agent;
  if (!options.expected_root.empty()) {
    RETURN_IF_ERROR(CheckRoot(Containerd(agent.containerd_socket), options.expected_root));
  }
  RaiseFileLimit(agent);
  CallGroup calls;
  agent.calls = &calls;
  agent.gate = std::make_shared<LoadGate>(agent.containerd_socket);
  std::shared_ptr<grpc::ServerCredentials> credentials;
  std::optional<DesiredWork> desired;
  // What calls containerd or other nodes must not hold up the end: kubelet waits 10 s.
  const absl::Cleanup end_calls = [&] { calls.Cancel(); };
  if (IsUnix(options.listen)) {
    agent.require_coordinator_certificate = false;
    credentials = grpc::InsecureServerCredentials();
  } else if (!options.state_dir.empty()) {
    RETURN_IF_ERROR(PrepareIdentity(options.state_dir, agent.log));
    desired.emplace(options);
    desired->TryRegistry();
    agent.desired = desired->list();
    agent.keeper = desired->keeper();
    agent.registry = options.registry;
    agent.mirrors = [&desired] { return desired->MirrorStates(); };
    agent.certificate_file = options.state_dir + "/" + kCertificateFile;
    if (!AwaitCertificate(options, stop_signals, *desired)) return absl::OkStatus();
    credentials = MakeServerCredentials(options.state_dir);
  } else {
    RETURN_IF_ERROR(ReadTlsFolder(options.tls_dir, AgentTlsNames("")).status());
    credentials = MakeServerCredentials(options.tls_dir);
  }

  // Outlives the server: sessions end after their streams.
  const std::unique_ptr<v1::Agent::Service> service = MakeAgentService(agent);
  grpc::ServerBuilder builder;
  Configure(&builder);
  int port = 0;
  builder.AddListeningPort(WithBrackets(options.listen), credentials, &port);
  builder.RegisterService(service.get());
  if (desired.has_value()) builder.RegisterService(desired->service());
  const mode_t old_mask = ::umask(0177);  // a unix socket is born with mode 0600
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ::umask(old_mask);
  if (server == nullptr || port == 0) {
    return absl::UnavailableError("cannot listen on " + options.listen +
                                  "; is another agent running there?");
  }
  std::cerr << "lighter-agent " << kVersion << " on " << options.listen;
  if (!IsUnix(options.listen)) std::cerr << " (port " << port << ")";
  std::cerr << ", containerd at " << agent.containerd_socket << std::endl;

  while (!StopCame(stop_signals, kStopPoll)) {
    if (desired.has_value()) desired->TryRegistry();
  }
  std::cerr << "lighter-agent: stopping; what came of a running load is kept" << std::endl;
  calls.Cancel();
  server->Shutdown(std::chrono::system_clock::now() + kShutdownTimeout);
  return absl::OkStatus();
}

}  // namespace lighter
