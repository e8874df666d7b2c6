// lighter-agent: serves one node's containerd to the coordinator.
//
// On TCP it listens with mutual TLS only; in the clear only on a unix socket that nobody but its
// owner can open. SIGTERM and SIGINT end it; kill -9 harms nothing.
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

#include "agent/agent_service.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/tls.h"
#include "common/version.h"

namespace lighter {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::chrono::seconds kShutdownTimeout(1);

struct Flags {
  std::string listen;
  std::string tls_dir;
  AgentOptions agent;
};

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
  // A coordinator that vanished without a word is noticed within half a minute.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // And the coordinator's own pings (DialAgent) are welcome.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Two agents on one address would take turns in answering.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(Flags* flags) {
  if (IsUnix(flags->listen)) {
    flags->agent.require_coordinator_certificate = false;
    return grpc::InsecureServerCredentials();
  }
  if (flags->tls_dir.empty()) {
    return absl::InvalidArgumentError(
        "--listen on a network address needs --tls-dir: the agent speaks mutual TLS only");
  }
  RETURN_IF_ERROR(ReadTlsFolder(flags->tls_dir, AgentTlsNames("")).status());
  return MakeServerCredentials(flags->tls_dir);
}

// Blocked in every thread, so that only AwaitStopSignal sees them.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

absl::Status Serve(Flags flags) {
  const sigset_t stop_signals = BlockStopSignals();
  flags.agent.log = [](const std::string& line) {
    std::cerr << "lighter-agent: " + line + "\n" << std::flush;
  };
  ASSIGN_OR_RETURN(const auto credentials, Credentials(&flags));
  // Outlives the server: sessions end after their streams.
  const std::unique_ptr<v1::Agent::Service> service = MakeAgentService(flags.agent);
  grpc::ServerBuilder builder;
  Configure(&builder);
  int port = 0;
  builder.AddListeningPort(WithBrackets(flags.listen), credentials, &port);
  builder.RegisterService(service.get());
  const mode_t old_mask = ::umask(0177);  // a unix socket is born with mode 0600
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ::umask(old_mask);
  if (server == nullptr || port == 0) {
    return absl::UnavailableError("cannot listen on " + flags.listen +
                                  "; is another agent running there?");
  }
  std::cerr << "lighter-agent " << kVersion << " on " << flags.listen;
  if (!IsUnix(flags.listen)) std::cerr << " (port " << port << ")";
  std::cerr << ", containerd at " << flags.agent.containerd_socket << std::endl;

  int signal = 0;
  sigwait(&stop_signals, &signal);
  std::cerr << "lighter-agent: stopping; what came of a running load is kept" << std::endl;
  server->Shutdown(std::chrono::system_clock::now() + kShutdownTimeout);
  return absl::OkStatus();
}

}  // namespace
}  // namespace lighter

int main(int argc, char** argv) {
  lighter::Flags flags;
  CLI::App app("Loads images into this node's containerd on behalf of `lighter`.", "lighter-agent");
  app.set_version_flag("--version", lighter::kVersion);
  app.add_option("--listen", flags.listen,
                 "ADDRESS:PORT (mutual TLS, needs --tls-dir) or unix:PATH (mode 0600)")
      ->required();
  app.add_option("--tls-dir", flags.tls_dir, "folder with ca.crt, tls.crt and tls.key");
  app.add_option("--containerd-socket", flags.agent.containerd_socket,
                 "path of containerd's socket")
      ->capture_default_str();
  app.add_option("--node-name", flags.agent.node_name, "this node's name, for messages")
      ->envname("NODE_NAME");
  CLI11_PARSE(app, argc, argv);

  const absl::Status status = lighter::Serve(std::move(flags));
  if (status.ok()) return 0;
  std::cerr << "lighter-agent: " << status.message() << std::endl;
  return 1;
}
