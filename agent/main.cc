// lighter-agent: serves one node's containerd to the coordinator.
//
// On TCP it listens with mutual TLS only; in the clear only on a unix socket that nobody but its
// owner can open. SIGTERM and SIGINT end it; kill -9 harms nothing. Its subcommands keep the node's
// key and certificate; `lighter agent install` runs them beside the serving agent.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/containerd_client.h"
#include "agent/desired/keeper.h"
#include "agent/identity.h"
#include "agent/registry/hosts_files.h"
#include "agent/server.h"
#include "agent/taint/taint_lifter.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/version.h"

namespace lighter {
namespace {

void Log(const std::string& line) { std::cerr << "lighter-agent: " + line + "\n" << std::flush; }

absl::StatusOr<std::string> ReadStandardInput() {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read standard input");
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(n));
    if (text.size() > kMaxPemBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("standard input: at most ", kMaxPemBytes, " bytes are accepted"));
    }
  }
}

absl::Status PrintRequest(const std::string& state_dir) {
  ASSIGN_OR_RETURN(const std::string request, CertificateRequest(state_dir, Log));
  std::cout << request << std::flush;
  return absl::OkStatus();
}

absl::Status AcceptFromStandardInput(const std::string& state_dir, const std::string& node) {
  ASSIGN_OR_RETURN(const std::string pem, ReadStandardInput());
  const absl::StatusOr<absl::Time> not_after = AcceptCertificate(state_dir, node, pem, Log);
  if (!not_after.ok()) {
    return Annotate(not_after.status(), "the certificate on standard input is not taken");
  }
  const nlohmann::json line = {
      {"notAfter", absl::FormatTime(absl::RFC3339_sec, *not_after, absl::UTCTimeZone())}};
  std::cout << line.dump() << std::endl;
  return absl::OkStatus();
}

absl::Status RemoveMirrors(const std::string& folder) {
  return folder.empty() ? absl::OkStatus() : HostsFiles(folder, "").RemoveAllBut({});
}

absl::Status Run(int argc, char** argv) {
  ServerOptions options;
  std::string& state_dir = options.state_dir;
  std::string& node = options.agent.node_name;
  CLI::App app("Loads images into this node's containerd on behalf of `lighter`.", "lighter-agent");
  app.set_version_flag("--version", kVersion);
  app.add_option("--listen", options.listen,
                 "ADDRESS:PORT (mutual TLS, needs --tls-dir or --state-dir) or unix:PATH (mode "
                 "0600)");
  app.add_option("--tls-dir", options.tls_dir, "folder with ca.crt, tls.crt and tls.key");
  app.add_option("--state-dir", state_dir,
                 "folder for a key of this node's own, and the certificate that the coordinator "
                 "signs for it");
  app.add_option("--member-dir", options.member_dir,
                 "with --state-dir: TLS folder of a member certificate, with which a node that has "
                 "none of its own fetches from other nodes");
  app.add_option("--desired-file", options.desired_file,
                 "with --state-dir: the cluster's desired list, a file that may come and go");
  app.add_option("--registry", options.registry,
                 "with --state-dir: loopback ADDRESS:PORT on which to serve the desired images to "
                 "this node's containerd");
  app.add_option("--held-file", options.held_file,
                 "with --state-dir: a file that is there while this node holds all that the "
                 "desired list wants; `lift-taint` waits for it");
  app.add_option("--expect-root", options.expected_root,
                 "end at once where containerd's root folder is another one than this");
  app.add_option("--mirror", options.mirrors,
                 "with --registry: another registry, whose images containerd is to pull from there "
                 "first; may be given several times");
  app.add_option("--mirror-dir", options.mirror_dir,
                 "config_path of containerd's CRI, where --mirror is written to")
      ->envname("LIGHTER_MIRROR_DIR");
  app.add_option("--pull-records", options.agent.pull_records,
                 "kubelet's folder image_manager: what it remembers of its pulls");
  app.add_option("--containerd-socket", options.agent.containerd_socket,
                 "path of containerd's socket")
      ->envname("CONTAINERD_ADDRESS")
      ->capture_default_str();
  app.add_option("--node-name", node, "this node's name, for messages and in its certificate")
      ->envname("NODE_NAME");

  const auto add_command = [&](const std::string& name, const std::string& description) {
    CLI::App* const command = app.add_subcommand(name, description);
    command->add_option("--state-dir", state_dir, "the agent's --state-dir")->required();
    return command;
  };
  const CLI::App* const request = add_command(
      "certificate-request", "Prints a request for this node's key, which is made if need be.");
  CLI::App* const accept = add_command(
      "accept-certificate",
      "Takes this node's certificate and then its CA's from standard input, and prints its end.");
  accept->add_option("--node-name", node, "the name it must carry, as NAME.lighter-agent")
      ->envname("NODE_NAME");
  const CLI::App* const remove = add_command(
      "remove-state",
      "Removes the key, the certificate and their folder, and what --mirror has written, and takes "
      "holds and pins off the images.");
  const CLI::App* const unmirror =
      app.add_subcommand("remove-mirrors", "Removes what --mirror has written to --mirror-dir.");
  TaintLifterOptions lifter;
  CLI::App* const lift = app.add_subcommand(
      "lift-taint", "Takes a taint off this node's object once --held-file is there.");
  lift->add_option("--key", lifter.key, "the taint's key")->required();
  lift->add_option("--held-file", lifter.held_file, "the serving agent's --held-file")->required();
  lift->add_option("--node-name", lifter.node, "this node's name")
      ->envname("NODE_NAME")
      ->required();
  lift->add_option("--api-address", lifter.api_address, "the API server's IP address")
      ->envname("KUBERNETES_SERVICE_HOST")
      ->required();
  lift->add_option("--api-port", lifter.api_port, "and its port")
      ->envname("KUBERNETES_SERVICE_PORT")
      ->capture_default_str();
  lift->add_option("--account-dir", lifter.account_dir, "folder with token and ca.crt")
      ->capture_default_str();
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 1);
  }

  if (request->parsed()) return PrintRequest(state_dir);
  if (accept->parsed()) return AcceptFromStandardInput(state_dir, node);
  if (remove->parsed()) {
    // In this order: the serving agent makes the others anew until its folder is gone.
    RETURN_IF_ERROR(RemoveIdentity(state_dir));
    RETURN_IF_ERROR(RemoveMirrors(options.mirror_dir));
    absl::Status released = Keeper::Release(Containerd(options.agent.containerd_socket));
    if (!absl::IsUnavailable(released)) return released;
    Log("the hold on images stays, and ends by itself within two days; names keep their pins: " +
        Message(released));
    return absl::OkStatus();
  }
  if (unmirror->parsed()) return RemoveMirrors(options.mirror_dir);
  if (lift->parsed()) {
    lifter.log = Log;
    LiftTaints(lifter);
    return absl::OkStatus();
  }
  options.agent.log = Log;
  return Serve(std::move(options));
}

}  // namespace
}  // namespace lighter

int main(int argc, char** argv) {
  const absl::Status status = lighter::Run(argc, argv);
  if (status.ok()) return 0;
  std::cerr << "lighter-agent: " << status.message() << std::endl;
  return 1;
}
