// Has containerd ask the node's own registry first for images of other registries, where the
// cluster's administrator wants that.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/containerd_client.h"
#include "agent/registry/hosts_files.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

struct MirrorOptions {
  std::vector<std::string> registries;
  std::string folder;    // config_path of containerd's CRI
  std::string registry;  // the node's own, "127.0.0.1:7444"; it must serve already
  std::string alive;     // once this folder is gone nothing is written any more
};

// Writes the files when it is made, and tries again until all are written. No API of containerd 2
// tells its config_path, so it is tried first: a pull of a name that no other registry can have.
// Thread-safe, with a thread of its own.
class Mirrors {
 public:
  using Log = std::function<void(const std::string&)>;

  Mirrors(const Containerd& containerd, MirrorOptions options, Log log);
  // Ends a try that is under way.
  ~Mirrors();
  Mirrors(const Mirrors&) = delete;
  Mirrors& operator=(const Mirrors&) = delete;

  std::vector<v1::Mirror> State() const;

 private:
  void Work();
  // Whether everything is as it should be.
  bool Try();
  absl::Status CheckThatFolderIsRead() const;
  void Set(const std::string& registry, const absl::Status& status);

  const MirrorOptions options_;
  const HostsFiles files_;
  const Log log_;
  CallGroup calls_;
  const Containerd containerd_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::vector<v1::Mirror> state_;
  std::thread thread_;  // last
};

}  // namespace lighter
