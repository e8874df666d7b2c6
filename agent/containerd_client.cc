#include "agent/containerd_client.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/containerd_connection.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr absl::Duration kPollInterval = absl::Milliseconds(100);

}  // namespace

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
  // containerd 1.6 answers so for a moment after a restart, with code UNKNOWN.
  const bool starting = absl::StrContains(cause, "server is not initialized yet");
  if (starting || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::CANCELLED) {
    return absl::UnavailableError(absl::StrCat("containerd is not reachable at ", socket(),
                                               " or went away; it could not ", ToAbsl(doing), ": ",
                                               cause));
  }
  const bool blames_package = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
                              status.error_code() == grpc::StatusCode::DATA_LOSS;
  return absl::Status(blames_package ? absl::StatusCode::kInternal
                                     : static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("containerd could not ", ToAbsl(doing), ": ", cause));
}

absl::StatusOr<std::string> Containerd::Snapshotter() const {
  SnapshotterFacts facts;
  ASSIGN_OR_RETURN(facts.namespace_default, NamespaceDefault());
  ASSIGN_OR_RETURN(facts.usable, UsableSnapshotters());
  // CRI comes up a moment after the rest.
  const absl::Time give_up = absl::Now() + kConnectTimeout;
  absl::StatusOr<std::string> folder = CriImageFolder();
  while (absl::IsUnavailable(folder.status()) && absl::Now() < give_up) {
    absl::SleepFor(kPollInterval);
    folder = CriImageFolder();
  }
  ASSIGN_OR_RETURN(facts.image_folder, std::move(folder));
  return ChooseSnapshotter(facts);
}

absl::StatusOr<std::string> Containerd::NamespaceDefault() const {
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
  return found == labels.end() ? std::string() : std::string(found->second);
}

absl::StatusOr<std::vector<SnapshotterFacts::Plugin>> Containerd::UsableSnapshotters() const {
  Call call(scope_, kCallTimeout);
  introspection::PluginsRequest request;
  request.add_filters("type==io.containerd.snapshotter.v1");
  introspection::PluginsResponse reply;
  RETURN_IF_ERROR(Explain(connection_->introspection_stub.Plugins(&call.context(), request, &reply),
                          "tell its snapshotters"));
  std::vector<SnapshotterFacts::Plugin> usable;
  for (const introspection::Plugin& plugin : reply.plugins()) {
    if (!plugin.init_err().empty()) continue;
    const auto root = plugin.exports().find("root");
    usable.push_back(
        {plugin.id(), root == plugin.exports().end() ? std::string() : std::string(root->second)});
  }
  return usable;
}

// Empty where containerd runs without CRI.
absl::StatusOr<std::string> Containerd::CriImageFolder() const {
  Call call(scope_, kCallTimeout);
  cri::ImageFsInfoResponse reply;
  const grpc::Status status = connection_->cri_stub.ImageFsInfo(&call.context(), {}, &reply);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return std::string();
  RETURN_IF_ERROR(Explain(status, "answer CRI ImageFsInfo"));
  // The first is the default snapshotter's, which is all that the kubelet looks at.
  if (reply.image_filesystems_size() == 0) return std::string();
  return reply.image_filesystems(0).fs_id().mountpoint();
}

absl::StatusOr<std::string> Containerd::Version() const {
  Call call(scope_, kCallTimeout);
  version::VersionResponse reply;
  RETURN_IF_ERROR(
      Explain(connection_->version_stub.Version(&call.context(), {}, &reply), "tell its version"));
  return reply.version();
}

absl::StatusOr<std::string> Containerd::ContentFolder() const {
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

// Every plugin's folder is "TYPE.ID" below the root (containerd plugin/context.go).
absl::StatusOr<std::string> Containerd::RootFolder() const {
  ASSIGN_OR_RETURN(std::string folder, ContentFolder());
  constexpr std::string_view kPlugin = "/io.containerd.content.v1.content";
  if (!folder.ends_with(kPlugin)) return std::string();
  folder.resize(folder.size() - kPlugin.size());
  return folder;
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
