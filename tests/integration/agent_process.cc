#include "tests/integration/agent_process.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/grpc_channel.h"
#include "common/limits.h"
#include "common/tls.h"

namespace lighter::testing {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(20);

void RunOpenssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                       "ec_paramgen_curve:P-256", "-nodes", "-days", "2"});
  const CommandResult result = RunCommand(arguments);
  if (result.exit_code == 0) return;
  std::cerr << absl::StrJoin(arguments, " ") << ": " << result.output;
  std::abort();
}

}  // namespace

TestCa::TestCa() {
  RunOpenssl({"-keyout", folder_.File("ca.key"), "-out", folder_.File("ca.crt"), "-subj",
              "/CN=lighter test"});
}

std::string TestCa::Issue(const std::string& dns_name) const {
  const std::string folder = folder_.File(dns_name);
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(folder_.File("ca.crt"), folder + "/ca.crt");
  RunOpenssl({"-CA", folder_.File("ca.crt"), "-CAkey", folder_.File("ca.key"), "-keyout",
              folder + "/tls.key", "-out", folder + "/tls.crt", "-subj", "/CN=" + dns_name,
              "-addext", "subjectAltName=DNS:" + dns_name, "-addext",
              "basicConstraints=critical,CA:FALSE"});
  return folder;
}

absl::StatusOr<std::unique_ptr<AgentProcess>> AgentProcess::Start(
    const std::vector<std::string>& flags) {
  absl::StatusOr<std::unique_ptr<AgentProcess>> agent = Launch(flags);
  if (agent.ok()) {
    if (absl::Status status = (*agent)->AwaitListening(); !status.ok()) return status;
  }
  return agent;
}

absl::StatusOr<std::unique_ptr<AgentProcess>> AgentProcess::Launch(
    const std::vector<std::string>& flags) {
  std::unique_ptr<AgentProcess> agent(new AgentProcess);
  std::vector<std::string> argv = {LIGHTER_AGENT_BINARY};
  argv.insert(argv.end(), flags.begin(), flags.end());
  absl::StatusOr<ChildProcess> process =
      ChildProcess::Start(argv, agent->folder_.File("agent.log"));
  if (!process.ok()) return process.status();
  agent->process_ = *std::move(process);
  return agent;
}

absl::Status AgentProcess::AwaitLog(const std::string& text) {
  const absl::Time give_up = absl::Now() + kStartTimeout;
  while (absl::Now() < give_up) {
    const bool running = process_.running();
    if (log().find(text) != std::string::npos) return absl::OkStatus();
    if (!running) return absl::UnavailableError(log());
    absl::SleepFor(absl::Milliseconds(10));
  }
  return absl::DeadlineExceededError(log());
}

absl::Status AgentProcess::AwaitListening() {
  if (absl::Status status = AwaitLog("containerd at"); !status.ok()) return status;
  const std::string text = log();
  const size_t port = text.find("(port ");
  if (port != std::string::npos) {
    address_ = absl::StrCat("127.0.0.1:", std::atoi(text.c_str() + port + 6));
  }
  return absl::OkStatus();
}

std::string AgentProcess::log() const {
  return ReadFile(folder_.File("agent.log"), kMiB).value_or("");
}

std::unique_ptr<v1::Agent::Stub> DialWith(const std::string& tls_folder,
                                          const std::string& address) {
  TlsFiles files;
  files.ca = ReadFile(tls_folder + "/ca.crt", kMiB).value_or("");
  files.certificate = ReadFile(tls_folder + "/tls.crt", kMiB).value_or("");
  files.key = ReadFile(tls_folder + "/tls.key", kMiB).value_or("");
  return v1::Agent::NewStub(
      DialAgent(address, MakeChannelCredentials(files), std::string(kAgentTlsName)));
}

}  // namespace lighter::testing
