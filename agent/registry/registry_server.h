// The node's own registry: the pull part of the OCI distribution API, read-only, over plain HTTP on
// the node's loopback. containerd pulls from it "127.0.0.1:7444/quayside/web:v1", and with a
// hosts.toml any name of any registry ("?ns=").
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/registry/http_socket.h"
#include "agent/registry/loopback_listener.h"
#include "agent/registry/registry_content.h"
#include "agent/registry/registry_handler.h"
#include "agent/registry/source_watch.h"

namespace lighter {

// How long it waits for others.
struct RegistryTimes {
  absl::Duration head = absl::Seconds(10);    // for a whole request
  absl::Duration write = absl::Seconds(30);   // for a client to take something
  absl::Duration source = absl::Seconds(60);  // for a content to give something
};

// One request a connection: a connection over the loopback costs nothing, and none idles. Requests
// beyond its threads wait in the kernel's queue.
class RegistryServer {
 public:
  using Log = RegistryHandler::Log;

  // Serves until it is destroyed. `listen` is "127.0.0.1:7444" or "[::1]:7444"; port 0 takes any.
  // `content` must outlive it; `log` is called from any thread. InvalidArgument where the address
  // is not a literal one of the loopback, Unavailable where it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<RegistryServer>> Start(const std::string& listen,
                                                               RegistryContent* content, Log log,
                                                               const RegistryTimes& times = {});

  // Ends all connections. Waits for calls to `content` that are under way: these must end by
  // themselves where their source is silent (they are ended as soon as they give bytes).
  ~RegistryServer();
  RegistryServer(const RegistryServer&) = delete;
  RegistryServer& operator=(const RegistryServer&) = delete;

  int port() const { return port_; }

 private:
  RegistryServer(LoopbackListener listener, UniqueFd stop, RegistryContent* content, Log log,
                 const RegistryTimes& times);

  void Work();  // of each thread
  void Serve(HttpSocket* client);
  absl::Status Send(const RegistryAnswer& answer, bool with_body, HttpSocket* client,
                    SourceWatch::Wait* wait);
  absl::Status SendBlob(const BlobPart& part, HttpSocket* client, SourceWatch::Wait* wait);

  const UniqueFd listen_;
  const UniqueFd stop_;  // an eventfd that can be read once it is to stop
  const int port_;
  RegistryContent* const content_;
  const Log log_;
  const RegistryTimes times_;
  RegistryHandler handler_;
  SourceWatch watch_;
  std::vector<std::thread> threads_;
};

}  // namespace lighter
