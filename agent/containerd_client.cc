#include "agent/containerd_client.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/content_write.h"
#include "common/grpc_channel.h"
#include "common/status.h"
#include "containerd/diff.grpc.pb.h"
#include "containerd/images.grpc.pb.h"
#include "containerd/introspection.grpc.pb.h"
#include "containerd/leases.grpc.pb.h"
#include "containerd/namespaces.grpc.pb.h"
#include "containerd/snapshots.grpc.pb.h"
#include "containerd/version.grpc.pb.h"
#include "cri/api.grpc.pb.h"

namespace lighter {
namespace {

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
constexpr absl::Duration kCallTimeout = absl::Seconds(90);
// Commits walk all files of a layer; deleting a lease waits for a garbage collection.
constexpr absl::Duration kLongCallTimeout = absl::Minutes(15);
constexpr absl::Duration kApplyTimeout = absl::Hours(2);
constexpr absl::Duration kConnectTimeout = absl::Seconds(5);

bool IsNotFound(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::NOT_FOUND;
}

bool IsAlreadyThere(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::ALREADY_EXISTS;
}

template <typename Map>
Labels ToLabels(const Map& map) {
  return Labels(map.begin(), map.end());
}

template <typename Map>
void SetLabels(const Labels& labels, Map* map) {
  map->insert(labels.begin(), labels.end());
}

void SetDescriptor(const Descriptor& from, containerd::types::Descriptor* to) {
  to->set_media_type(from.media_type);
  to->set_digest(from.digest.str());
  to->set_size(static_cast<int64_t>(from.size));
}

}  // namespace

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

Containerd::Containerd(std::string socket)
    : connection_(std::make_shared<Connection>(std::move(socket))) {}

Containerd Containerd::Scoped(CallScope scope) const {
  Containerd copy = *this;
  copy.scope_ = std::move(scope);
  return copy;
}

const std::string& Containerd::socket() const { return connection_->socket; }

absl::Status Containerd::Explain(const grpc::Status& status, std::string_view doing) const {
  if (status.ok()) return absl::OkStatus();
  const std::string& cause = status.error_message();
  if (scope_.group != nullptr && scope_.group->cancelled()) {
    return absl::CancelledError(absl::StrCat("stopped before it could ", ToAbsl(doing)));
  }
  if (absl::StrContains(cause, "no space left on device") ||
      absl::StrContains(cause, "disk quota exceeded")) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "no space left on the disk of containerd, which could not ", ToAbsl(doing), ": ", cause));
  }
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::CANCELLED) {
    return absl::UnavailableError(absl::StrCat("containerd is not reachable at ", socket(),
                                               " or went away; it could not ", ToAbsl(doing), ": ",
                                               cause));
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("containerd could not ", ToAbsl(doing), ": ", cause));
}

absl::StatusOr<std::string> Containerd::Snapshotter() const {
  Call call(scope_, kConnectTimeout);
  call.context().set_wait_for_ready(true);
  namespaces::GetNamespaceRequest request;
  request.set_name("k8s.io");
  namespaces::GetNamespaceResponse reply;
  const grpc::Status status = connection_->namespaces_stub.Get(&call.context(), request, &reply);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::UnavailableError(absl::StrCat("containerd is not reachable at ", socket(),
                                               ": no answer within ",
                                               absl::FormatDuration(kConnectTimeout)));
  }
  if (!status.ok() && !IsNotFound(status)) {
    return Explain(status, "read namespace k8s.io");
  }
  const auto& labels = reply.namespace_().labels();
  const auto found = labels.find("containerd.io/defaults/snapshotter");
  return found == labels.end() ? std::string("overlayfs") : std::string(found->second);
}

absl::StatusOr<std::string> Containerd::Version() const {
  Call call(scope_, kCallTimeout);
  version::VersionResponse reply;
  RETURN_IF_ERROR(
      Explain(connection_->version_stub.Version(&call.context(), {}, &reply), "tell its version"));
  return reply.version();
}

absl::StatusOr<std::string> Containerd::RootFolder() const {
  Call call(scope_, kCallTimeout);
  introspection::PluginsRequest request;
  request.add_filters("type==io.containerd.content.v1,id==content");
  introspection::PluginsResponse reply;
  RETURN_IF_ERROR(Explain(connection_->introspection_stub.Plugins(&call.context(), request, &reply),
                          "tell its root folder"));
  for (const introspection::Plugin& plugin : reply.plugins()) {
    const auto root = plugin.exports().find("root");
    if (root != plugin.exports().end()) return root->second;
  }
  return std::string();
}

absl::StatusOr<std::optional<Labels>> Containerd::FindBlob(const Digest& digest) const {
  Call call(scope_, kCallTimeout);
  content::InfoRequest request;
  request.set_digest(digest.str());
  content::InfoResponse reply;
  const grpc::Status status = connection_->content_stub.Info(&call.context(), request, &reply);
  if (IsNotFound(status)) return std::optional<Labels>();
  RETURN_IF_ERROR(Explain(status, "look up blob " + digest.str()));
  return std::optional<Labels>(ToLabels(reply.info().labels()));
}

absl::Status Containerd::MergeLabels(const Digest& digest, const Labels& labels) const {
  Call call(scope_, kCallTimeout);
  content::UpdateRequest request;
  request.mutable_info()->set_digest(digest.str());
  SetLabels(labels, request.mutable_info()->mutable_labels());
  for (const auto& [key, value] : labels) request.mutable_update_mask()->add_paths("labels." + key);
  content::UpdateResponse reply;
  return Explain(connection_->content_stub.Update(&call.context(), request, &reply),
                 "label blob " + digest.str());
}

absl::StatusOr<std::string> Containerd::ReadBlob(const Digest& digest, uint64_t max_bytes) const {
  Call call(scope_, kCallTimeout);
  content::ReadContentRequest request;
  request.set_digest(digest.str());
  const auto reader = connection_->content_stub.Read(&call.context(), request);
  std::string data;
  content::ReadContentResponse part;
  while (reader->Read(&part)) {
    data += part.data();
    if (data.size() > max_bytes) {
      call.context().TryCancel();
      return absl::ResourceExhaustedError(
          absl::StrCat("blob ", digest.str(), " has more than ", max_bytes, " bytes"));
    }
  }
  RETURN_IF_ERROR(Explain(reader->Finish(), "read blob " + digest.str()));
  return data;
}

absl::StatusOr<std::optional<uint64_t>> Containerd::IngestOffset(const std::string& ref) const {
  Call call(scope_, kCallTimeout);
  content::StatusRequest request;
  request.set_ref(ref);
  content::StatusResponse reply;
  const grpc::Status status = connection_->content_stub.Status(&call.context(), request, &reply);
  if (IsNotFound(status)) return std::optional<uint64_t>();
  RETURN_IF_ERROR(Explain(status, "look up unfinished write " + ref));
  return std::optional<uint64_t>(static_cast<uint64_t>(reply.status().offset()));
}

absl::Status Containerd::AbortIngest(const std::string& ref) const {
  Call call(scope_, kCallTimeout);
  content::AbortRequest request;
  request.set_ref(ref);
  google::protobuf::Empty reply;
  const grpc::Status status = connection_->content_stub.Abort(&call.context(), request, &reply);
  return IsNotFound(status) ? absl::OkStatus() : Explain(status, "drop unfinished write " + ref);
}

std::unique_ptr<ContentWrite> Containerd::OpenWrite() const {
  auto write = std::make_unique<ContentWrite>(scope_);
  write->stream = connection_->content_stub.Write(&write->call.context());
  return write;
}

absl::StatusOr<std::optional<ImageRecord>> Containerd::FindImage(const std::string& name) const {
  Call call(scope_, kCallTimeout);
  images::GetImageRequest request;
  request.set_name(name);
  images::GetImageResponse reply;
  const grpc::Status status = connection_->images_stub.Get(&call.context(), request, &reply);
  if (IsNotFound(status)) return std::optional<ImageRecord>();
  RETURN_IF_ERROR(Explain(status, "look up image name " + name));
  ImageRecord record;
  record.name = name;
  record.target.media_type = reply.image().target().media_type();
  record.target.size = static_cast<uint64_t>(reply.image().target().size());
  ASSIGN_OR_RETURN(record.target.digest, Digest::Parse(reply.image().target().digest()));
  record.labels = ToLabels(reply.image().labels());
  return std::optional<ImageRecord>(std::move(record));
}

absl::Status Containerd::PutImage(const ImageRecord& record) const {
  images::Image image;
  image.set_name(record.name);
  SetDescriptor(record.target, image.mutable_target());
  SetLabels(record.labels, image.mutable_labels());
  {
    Call call(scope_, kCallTimeout);
    images::CreateImageRequest request;
    *request.mutable_image() = image;
    images::CreateImageResponse reply;
    const grpc::Status status = connection_->images_stub.Create(&call.context(), request, &reply);
    if (!IsAlreadyThere(status)) return Explain(status, "create image name " + record.name);
  }
  Call call(scope_, kCallTimeout);
  images::UpdateImageRequest request;
  *request.mutable_image() = std::move(image);
  request.mutable_update_mask()->add_paths("target");
  for (const auto& [key, value] : record.labels) {
    request.mutable_update_mask()->add_paths("labels." + key);
  }
  images::UpdateImageResponse reply;
  return Explain(connection_->images_stub.Update(&call.context(), request, &reply),
                 "move image name " + record.name);
}

absl::StatusOr<std::string> Containerd::CriImageId(const std::string& name) const {
  Call call(scope_, kCallTimeout);
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(name);
  cri::ImageStatusResponse reply;
  RETURN_IF_ERROR(Explain(connection_->cri_stub.ImageStatus(&call.context(), request, &reply),
                          "answer CRI ImageStatus for " + name));
  return reply.image().id();
}

absl::StatusOr<bool> Containerd::HasSnapshot(const std::string& snapshotter,
                                             const Digest& chain_id) const {
  Call call(scope_, kCallTimeout);
  snapshots::StatSnapshotRequest request;
  request.set_snapshotter(snapshotter);
  request.set_key(chain_id.str());
  snapshots::StatSnapshotResponse reply;
  const grpc::Status status = connection_->snapshots_stub.Stat(&call.context(), request, &reply);
  if (IsNotFound(status)) return false;
  RETURN_IF_ERROR(Explain(status, "look up snapshot " + chain_id.str()));
  return reply.info().kind() == snapshots::COMMITTED;
}

absl::StatusOr<Containerd::Mounts> Containerd::PrepareSnapshot(const std::string& snapshotter,
                                                               const std::string& key,
                                                               const std::string& parent,
                                                               const Labels& labels) const {
  Call call(scope_, kCallTimeout);
  snapshots::PrepareSnapshotRequest request;
  request.set_snapshotter(snapshotter);
  request.set_key(key);
  request.set_parent(parent);
  SetLabels(labels, request.mutable_labels());
  snapshots::PrepareSnapshotResponse reply;
  RETURN_IF_ERROR(Explain(connection_->snapshots_stub.Prepare(&call.context(), request, &reply),
                          "prepare snapshot " + key));
  return std::move(*reply.mutable_mounts());
}

absl::Status Containerd::CommitSnapshot(const std::string& snapshotter, const std::string& name,
                                        const std::string& key, const Labels& labels) const {
  Call call(scope_, kLongCallTimeout);
  snapshots::CommitSnapshotRequest request;
  request.set_snapshotter(snapshotter);
  request.set_name(name);
  request.set_key(key);
  SetLabels(labels, request.mutable_labels());
  google::protobuf::Empty reply;
  return Explain(connection_->snapshots_stub.Commit(&call.context(), request, &reply),
                 "commit snapshot " + name);
}

absl::Status Containerd::RemoveSnapshot(const std::string& snapshotter,
                                        const std::string& key) const {
  Call call(scope_, kLongCallTimeout);
  snapshots::RemoveSnapshotRequest request;
  request.set_snapshotter(snapshotter);
  request.set_key(key);
  google::protobuf::Empty reply;
  const grpc::Status status = connection_->snapshots_stub.Remove(&call.context(), request, &reply);
  return IsNotFound(status) ? absl::OkStatus() : Explain(status, "remove snapshot " + key);
}

absl::StatusOr<std::string> Containerd::Apply(const Descriptor& layer, const Mounts& mounts) const {
  Call call(scope_, kApplyTimeout);
  diff::ApplyRequest request;
  SetDescriptor(layer, request.mutable_diff());
  *request.mutable_mounts() = mounts;
  diff::ApplyResponse reply;
  RETURN_IF_ERROR(Explain(connection_->diff_stub.Apply(&call.context(), request, &reply),
                          "unpack layer " + layer.digest.str()));
  return reply.applied().digest();
}

absl::Status Containerd::CreateLease(const std::string& id, const Labels& labels) const {
  Call call(scope_, kCallTimeout);
  leases::CreateRequest request;
  request.set_id(id);
  SetLabels(labels, request.mutable_labels());
  leases::CreateResponse reply;
  return Explain(connection_->leases_stub.Create(&call.context(), request, &reply),
                 "create lease " + id);
}

absl::StatusOr<std::vector<std::string>> Containerd::LeaseIds() const {
  Call call(scope_, kCallTimeout);
  leases::ListResponse reply;
  RETURN_IF_ERROR(
      Explain(connection_->leases_stub.List(&call.context(), {}, &reply), "list leases"));
  std::vector<std::string> ids;
  for (const leases::Lease& lease : reply.leases()) ids.push_back(lease.id());
  return ids;
}

absl::StatusOr<std::vector<LeaseResource>> Containerd::LeaseResources(const std::string& id) const {
  Call call(scope_, kCallTimeout);
  leases::ListResourcesRequest request;
  request.set_id(id);
  leases::ListResourcesResponse reply;
  RETURN_IF_ERROR(Explain(connection_->leases_stub.ListResources(&call.context(), request, &reply),
                          "list what lease " + id + " holds"));
  std::vector<LeaseResource> resources;
  for (const leases::Resource& r : reply.resources()) resources.push_back({r.id(), r.type()});
  return resources;
}

absl::Status Containerd::AddToLease(const std::string& id, const LeaseResource& resource) const {
  Call call(scope_, kCallTimeout);
  leases::AddResourceRequest request;
  request.set_id(id);
  request.mutable_resource()->set_id(resource.id);
  request.mutable_resource()->set_type(resource.type);
  google::protobuf::Empty reply;
  return Explain(connection_->leases_stub.AddResource(&call.context(), request, &reply),
                 "add " + resource.id + " to lease " + id);
}

absl::Status Containerd::DeleteLease(const std::string& id, bool collect) const {
  Call call(scope_, kLongCallTimeout);
  leases::DeleteRequest request;
  request.set_id(id);
  request.set_sync(collect);
  google::protobuf::Empty reply;
  const grpc::Status status = connection_->leases_stub.Delete(&call.context(), request, &reply);
  return IsNotFound(status) ? absl::OkStatus() : Explain(status, "delete lease " + id);
}

}  // namespace lighter
