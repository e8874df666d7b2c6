#include "tests/integration/test_containerd.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "agent/containerd_client.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter::testing {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);

// Folder with containerd, its shim and ctr.
std::string ProgramFolder(ContainerdVersion version) {
  if (version == ContainerdVersion::k1) return "/usr/bin";
  const char* const cache = std::getenv("LIGHTER_CACHE");
  const char* const home = std::getenv("HOME");
  const std::string base = cache != nullptr  ? cache
                           : home != nullptr ? absl::StrCat(home, "/.cache/lighter")
                                             : ".cache/lighter";
  return base + "/containerd/v2.3.7";
}

std::string SetupCommand(ContainerdVersion version) {
  return version == ContainerdVersion::k1 ? "tests/setup/packages.sh"
                                          : "tests/setup/tools.sh containerd";
}

std::string Config(ContainerdVersion version, const std::string& root, const std::string& folder,
                   const std::string& socket, const std::string& snapshotter,
                   const std::string& hosts) {
  const std::string common = absl::StrCat("root = \"", root, "\"\nstate = \"", folder,
                                          "/state\"\n[grpc]\n  address = \"", socket, "\"\n");
  const std::string opt =
      absl::StrCat("[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"", folder, "/opt\"\n");
  if (version == ContainerdVersion::k1) {
    return absl::StrCat(
        "version = 2\n", common, opt,
        "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
        "  disable_apparmor = true\n"
        "  restrict_oom_score_adj = true\n"
        "  stream_server_address = \"127.0.0.1\"\n"
        "  stream_server_port = \"0\"\n"
        "  [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n    snapshotter = \"",
        snapshotter, "\"\n  [plugins.\"io.containerd.grpc.v1.cri\".registry]\n    config_path = \"",
        hosts, "\"\n  [plugins.\"io.containerd.grpc.v1.cri\".cni]\n    conf_dir = \"", folder,
        "/cni\"\n");
  }
  return absl::StrCat("version = 3\n", common, opt,
                      "[plugins.\"io.containerd.nri.v1.nri\"]\n  disable = true\n"
                      "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
                      "  stream_server_address = \"127.0.0.1\"\n"
                      "  stream_server_port = \"0\"\n"
                      "[plugins.\"io.containerd.cri.v1.images\"]\n  snapshotter = \"",
                      snapshotter,
                      "\"\n[plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path = \"",
                      hosts,
                      "\"\n[plugins.\"io.containerd.cri.v1.runtime\"]\n"
                      "  disable_apparmor = true\n"
                      "  restrict_oom_score_adj = true\n"
                      "  [plugins.\"io.containerd.cri.v1.runtime\".cni]\n    conf_dir = \"",
                      folder, "/cni\"\n");
}

// Unmounts what a killed containerd left mounted below `folder`.
void UnmountBelow(const std::string& folder) {
  std::ifstream mounts("/proc/self/mounts");
  std::string line;
  std::vector<std::string> found;
  while (std::getline(mounts, line)) {
    std::istringstream words(line);
    std::string device;
    std::string path;
    words >> device >> path;
    if (path.starts_with(folder + "/")) found.push_back(path);
  }
  for (auto path = found.rbegin(); path != found.rend(); ++path) {
    ::umount2(path->c_str(), MNT_DETACH);
  }
}

void PrintSet(const char* name, const std::set<std::string>& set, std::ostream* out) {
  *out << "\n  " << name << ": " << absl::StrJoin(set, "\n    ");
}

}  // namespace

std::string VersionName(ContainerdVersion version) {
  return version == ContainerdVersion::k1 ? "Containerd1" : "Containerd2";
}

void PrintTo(ContainerdVersion version, std::ostream* out) { *out << VersionName(version); }

void PrintTo(const NodeListing& listing, std::ostream* out) {
  PrintSet("content", listing.content, out);
  PrintSet("ingests", listing.ingests, out);
  PrintSet("snapshots", listing.snapshots, out);
  PrintSet("leases", listing.leases, out);
  PrintSet("images", listing.images, out);
}

absl::StatusOr<std::unique_ptr<TestContainerd>> TestContainerd::Start(ContainerdVersion version,
                                                                      std::string root,
                                                                      std::string snapshotter) {
  const std::string program = ProgramFolder(version) + "/containerd";
  if (::access(program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(program, " is missing; get it with: ", SetupCommand(version)));
  }
  std::unique_ptr<TestContainerd> containerd(new TestContainerd(version, std::move(snapshotter)));
  containerd->root_ = root.empty() ? containerd->folder_.File("root") : std::move(root);
  containerd->socket_ = containerd->folder_.File("containerd.sock");
  RETURN_IF_ERROR(containerd->Launch());
  return containerd;
}

TestContainerd::~TestContainerd() {
  process_.Stop();
  UnmountBelow(folder_.path());
}

absl::Status TestContainerd::Restart() {
  process_.Stop();
  return Launch();
}

absl::Status TestContainerd::Launch() {
  const std::string config_path = folder_.File("config.toml");
  RETURN_IF_ERROR(WriteFileAtomic(
      config_path, Config(version_, root_, folder_.path(), socket_, snapshotter_, hosts()), 0644));
  const std::string log = folder_.File("containerd.log");
  const std::string programs = ProgramFolder(version_);
  const char* const path = std::getenv("PATH");
  ASSIGN_OR_RETURN(
      process_, ChildProcess::Start(
                    {programs + "/containerd", "--config", config_path, "--log-level", "info"}, log,
                    {absl::StrCat("PATH=", programs, ":", path == nullptr ? "" : path)}));

  const absl::Time give_up = absl::Now() + kStartTimeout;
  while (true) {
    const absl::StatusOr<std::string> answer = Containerd(socket_).CriImageId("none");
    if (answer.ok()) return absl::OkStatus();
    if (!process_.running() || absl::Now() > give_up) {
      return absl::UnavailableError(
          absl::StrCat("containerd did not start: ", answer.status().message(), "\n",
                       ReadFile(log, 16 * kMiB).value_or("")));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

std::vector<std::string> TestContainerd::CtrCommand(
    const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {ProgramFolder(version_) + "/ctr", "--address", socket_,
                                   "--namespace", "k8s.io"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

absl::StatusOr<std::string> TestContainerd::Ctr(const std::vector<std::string>& arguments) const {
  const std::vector<std::string> argv = CtrCommand(arguments);
  CommandResult result = RunCommand(argv);
  if (result.exit_code != 0) {
    return absl::InternalError(
        absl::StrCat(absl::StrJoin(argv, " "), ": exit ", result.exit_code, "\n", result.output));
  }
  return std::move(result.output);
}

absl::StatusOr<std::set<std::string>> TestContainerd::Column(
    const std::vector<std::string>& arguments, std::vector<size_t> columns) const {
  ASSIGN_OR_RETURN(const std::string output, Ctr(arguments));
  std::istringstream lines(output);
  std::string line;
  // Up to the headings, which are capitals; ctr 2 may warn before them.
  while (std::getline(lines, line) && (line.empty() || !absl::ascii_isupper(line[0]))) {
  }
  std::set<std::string> cells;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    const std::vector<std::string> found{std::istream_iterator<std::string>(words), {}};
    std::string cell;
    for (const size_t column : columns) {
      if (column < found.size()) absl::StrAppend(&cell, cell.empty() ? "" : " ", found[column]);
    }
    if (!cell.empty()) cells.insert(cell);
  }
  return cells;
}

absl::StatusOr<NodeListing> TestContainerd::List() const {
  NodeListing listing;
  ASSIGN_OR_RETURN(listing.content, Column({"content", "ls"}, {0}));
  ASSIGN_OR_RETURN(listing.ingests, Column({"content", "active"}, {0}));
  // A snapshot without parent has one cell less; whole lines tell the same.
  ASSIGN_OR_RETURN(listing.snapshots, Column({"snapshots", "ls"}, {0, 1, 2, 3}));
  ASSIGN_OR_RETURN(listing.leases, Column({"leases", "ls"}, {0}));
  ASSIGN_OR_RETURN(listing.images, Column({"images", "ls"}, {0, 2}));
  return listing;
}

}  // namespace lighter::testing
