// What the methods of Containerd share: the stubs over one channel, time limits, conversions. For
// containerd_client.cc and containerd_store.cc only.
#pragma once

#include <memory>
#include <string>

#include "agent/containerd_client.h"
#include "common/grpc_channel.h"
#include "containerd/content.grpc.pb.h"
#include "containerd/diff.grpc.pb.h"
#include "containerd/images.grpc.pb.h"
#include "containerd/introspection.grpc.pb.h"
#include "containerd/leases.grpc.pb.h"
#include "containerd/namespaces.grpc.pb.h"
#include "containerd/snapshots.grpc.pb.h"
#include "containerd/version.grpc.pb.h"
#include "cri/api.grpc.pb.h"

namespace lighter {

namespace content = containerd::services::content::v1;
namespace diff = containerd::services::diff::v1;
namespace images = containerd::services::images::v1;
namespace introspection = containerd::services::introspection::v1;
namespace leases = containerd::services::leases::v1;
namespace namespaces = containerd::services::namespaces::v1;
namespace snapshots = containerd::services::snapshots::v1;
namespace version = containerd::services::version::v1;
namespace cri = runtime::v1;

// A metadata call waits for containerd's one database lock, which a commit on a slow disk holds for
// many seconds.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(90);
// Commits walk all files of a layer; deleting a lease waits for a garbage collection.
inline constexpr absl::Duration kLongCallTimeout = absl::Minutes(15);

inline bool IsNotFound(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::NOT_FOUND;
}

template <typename Map>
void SetLabels(const Labels& labels, Map* map) {
  map->insert(labels.begin(), labels.end());
}

struct Containerd::Connection {
  explicit Connection(std::string path)
      : socket(std::move(path)),
        channel(DialUnix(socket)),
        content_stub(channel),
        diff_stub(channel),
        images_stub(channel),
        introspection_stub(channel),
        leases_stub(channel),
        namespaces_stub(channel),
        snapshots_stub(channel),
        version_stub(channel),
        cri_stub(channel) {}

  const std::string socket;
  const std::shared_ptr<grpc::Channel> channel;
  content::Content::Stub content_stub;
  diff::Diff::Stub diff_stub;
  images::Images::Stub images_stub;
  introspection::Introspection::Stub introspection_stub;
  leases::Leases::Stub leases_stub;
  namespaces::Namespaces::Stub namespaces_stub;
  snapshots::Snapshots::Stub snapshots_stub;
  version::Version::Stub version_stub;
  cri::ImageService::Stub cri_stub;
};

}  // namespace lighter
