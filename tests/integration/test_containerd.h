// A real containerd of its own for a test: own root, state and socket in a folder that goes with
// it.
#pragma once

#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/integration/child_process.h"
#include "tests/support/temp_dir.h"

namespace lighter::testing {

// The versions that every test runs against.
enum class ContainerdVersion { k1, k2 };
std::string VersionName(ContainerdVersion version);
void PrintTo(ContainerdVersion version, std::ostream* out);

// What is on the node, as ctr tells: a witness that shares no code with the agent.
struct NodeListing {
  std::set<std::string> content;    // digests
  std::set<std::string> ingests;    // refs
  std::set<std::string> snapshots;  // keys, with kind
  std::set<std::string> leases;     // ids
  std::set<std::string> images;     // names, with target digest

  bool operator==(const NodeListing&) const = default;
};
void PrintTo(const NodeListing& listing, std::ostream* out);

class TestContainerd {
 public:
  // Starts containerd with CRI and waits until it answers. FailedPrecondition says how to get the
  // programs where they are missing. `root` may be a folder on another file system; `snapshotter`
  // is CRI's.
  static absl::StatusOr<std::unique_ptr<TestContainerd>> Start(
      ContainerdVersion version, std::string root = {}, std::string snapshotter = "overlayfs");
  ~TestContainerd();

  const std::string& socket() const { return socket_; }
  const std::string& root() const { return root_; }
  std::string folder() const { return folder_.path(); }
  std::string hosts() const { return folder_.File("certs.d"); }  // config_path of its CRI

  void Kill() { process_.Kill(); }  // kill -9
  void Signal(int signal) { process_.Signal(signal); }
  absl::Status Restart();  // on the same root

  // Runs ctr in namespace k8s.io; its output, or an error with it.
  absl::StatusOr<std::string> Ctr(const std::vector<std::string>& arguments) const;
  // The command that Ctr runs.
  std::vector<std::string> CtrCommand(const std::vector<std::string>& arguments) const;
  absl::StatusOr<NodeListing> List() const;

 private:
  TestContainerd(ContainerdVersion version, std::string snapshotter)
      : version_(version), snapshotter_(std::move(snapshotter)) {}
  absl::Status Launch();
  absl::StatusOr<std::set<std::string>> Column(const std::vector<std::string>& arguments,
                                               std::vector<size_t> columns) const;

  const ContainerdVersion version_;
  const std::string snapshotter_;
  support::TempDir folder_;
  std::string root_;
  std::string socket_;
  ChildProcess process_;
};

}  // namespace lighter::testing
