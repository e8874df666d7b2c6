// Containerd's methods for what it stores: content, image names, snapshots.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/containerd_client.h"
#include "agent/containerd_connection.h"
#include "agent/content_write.h"
#include "common/status.h"

namespace lighter {
namespace {

constexpr absl::Duration kApplyTimeout = absl::Hours(2);
constexpr int kPutAttempts = 3;
constexpr int kAbortAttempts = 20;
constexpr absl::Duration kAbortPause = absl::Milliseconds(100);

template <typename Map>
Labels ToLabels(const Map& map) {
  return Labels(map.begin(), map.end());
}

void SetDescriptor(const Descriptor& from, containerd::types::Descriptor* to) {
  to->set_media_type(from.media_type);
  to->set_digest(from.digest.str());
  to->set_size(static_cast<int64_t>(from.size));
}

images::Image ToImage(const ImageRecord& record) {
  images::Image image;
  image.set_name(record.name);
  SetDescriptor(record.target, image.mutable_target());
  SetLabels(record.labels, image.mutable_labels());
  return image;
}

absl::StatusOr<ImageRecord> ToRecord(const images::Image& image) {
  ImageRecord record;
  record.name = image.name();
  record.target.media_type = image.target().media_type();
  record.target.size = static_cast<uint64_t>(image.target().size());
  ASSIGN_OR_RETURN(record.target.digest, Digest::Parse(image.target().digest()));
  record.labels = ToLabels(image.labels());
  return record;
}

}  // namespace

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

absl::StatusOr<std::optional<uint64_t>> Containerd::BlobSize(const Digest& digest) const {
  Call call(scope_, kCallTimeout);
  content::InfoRequest request;
  request.set_digest(digest.str());
  content::InfoResponse reply;
  const grpc::Status status = connection_->content_stub.Info(&call.context(), request, &reply);
  if (IsNotFound(status)) return std::optional<uint64_t>();
  RETURN_IF_ERROR(Explain(status, "look up blob " + digest.str()));
  return std::optional<uint64_t>(static_cast<uint64_t>(reply.info().size()));
}

absl::Status Containerd::StreamBlob(
    const Digest& digest, uint64_t offset, uint64_t length,
    const std::function<absl::Status(std::string_view)>& sink) const {
  Call call(scope_, kLongCallTimeout);
  content::ReadContentRequest request;
  request.set_digest(digest.str());
  request.set_offset(static_cast<int64_t>(offset));
  request.set_size(static_cast<int64_t>(length));
  const auto reader = connection_->content_stub.Read(&call.context(), request);
  content::ReadContentResponse part;
  while (reader->Read(&part)) {
    if (absl::Status status = sink(part.data()); !status.ok()) {
      call.context().TryCancel();
      reader->Finish();
      return status;
    }
  }
  return Explain(reader->Finish(), "read blob " + digest.str());
}

absl::StatusOr<std::string> Containerd::ReadBlob(const Digest& digest, uint64_t max_bytes) const {
  std::string data;
  RETURN_IF_ERROR(StreamBlob(digest, 0, 0, [&](std::string_view part) {
    data += part;
    if (data.size() <= max_bytes) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("blob ", digest.str(), " has more than ", max_bytes, " bytes"));
  }));
  return data;
}

absl::StatusOr<Digest> Containerd::HashBlob(const Digest& digest) const {
  Sha256 hasher;
  RETURN_IF_ERROR(StreamBlob(digest, 0, 0, [&](std::string_view part) {
    hasher.Update(part);
    return absl::OkStatus();
  }));
  return hasher.Finish();
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
  content::AbortRequest request;
  request.set_ref(ref);
  google::protobuf::Empty reply;
  for (int attempt = 1;; ++attempt) {
    Call call(scope_, kCallTimeout);
    const grpc::Status status = connection_->content_stub.Abort(&call.context(), request, &reply);
    if (IsNotFound(status)) return absl::OkStatus();
    // The write's own end may still be putting its time stamp into the folder that is being
    // removed.
    const bool busy = absl::StrContains(status.error_message(), "directory not empty");
    if (!busy || attempt == kAbortAttempts) return Explain(status, "drop unfinished write " + ref);
    absl::SleepFor(kAbortPause);
  }
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
  ASSIGN_OR_RETURN(ImageRecord record, ToRecord(reply.image()));
  return std::optional<ImageRecord>(std::move(record));
}

absl::StatusOr<std::vector<ImageRecord>> Containerd::ListImages() const {
  Call call(scope_, kCallTimeout);
  images::ListImagesResponse reply;
  RETURN_IF_ERROR(
      Explain(connection_->images_stub.List(&call.context(), {}, &reply), "list image names"));
  std::vector<ImageRecord> records;
  for (const images::Image& image : reply.images()) {
    // Somebody else's record may point to a digest that is none of ours.
    absl::StatusOr<ImageRecord> record = ToRecord(image);
    if (record.ok()) records.push_back(*std::move(record));
  }
  return records;
}

absl::Status Containerd::DeleteImage(const std::string& name, bool collect) const {
  Call call(scope_, kLongCallTimeout);
  images::DeleteImageRequest request;
  request.set_name(name);
  request.set_sync(collect);
  google::protobuf::Empty reply;
  const grpc::Status status = connection_->images_stub.Delete(&call.context(), request, &reply);
  return IsNotFound(status) ? absl::OkStatus() : Explain(status, "delete image name " + name);
}

absl::Status Containerd::CreateImage(const ImageRecord& record) const {
  Call call(scope_, kCallTimeout);
  images::CreateImageRequest request;
  *request.mutable_image() = ToImage(record);
  images::CreateImageResponse reply;
  return Explain(connection_->images_stub.Create(&call.context(), request, &reply),
                 "create image name " + record.name);
}

absl::Status Containerd::PutImage(const ImageRecord& record) const {
  for (int attempt = 1;; ++attempt) {
    const absl::Status created = CreateImage(record);
    if (!absl::IsAlreadyExists(created)) return created;
    Call call(scope_, kCallTimeout);
    images::UpdateImageRequest request;
    *request.mutable_image() = ToImage(record);
    request.mutable_update_mask()->add_paths("target");
    for (const auto& [key, value] : record.labels) {
      request.mutable_update_mask()->add_paths("labels." + key);
    }
    images::UpdateImageResponse reply;
    const grpc::Status status = connection_->images_stub.Update(&call.context(), request, &reply);
    // Somebody deletes it all the while: the kubelet's image GC, or a person.
    if (IsNotFound(status) && attempt < kPutAttempts) continue;
    return Explain(status, "move image name " + record.name);
  }
}

absl::Status Containerd::LabelImage(const std::string& name, const Labels& labels) const {
  Call call(scope_, kCallTimeout);
  images::UpdateImageRequest request;
  request.mutable_image()->set_name(name);
  request.mutable_image()->mutable_target();  // containerd 2 panics without one, though unmasked
  SetLabels(labels, request.mutable_image()->mutable_labels());
  for (const auto& [key, value] : labels) request.mutable_update_mask()->add_paths("labels." + key);
  images::UpdateImageResponse reply;
  const grpc::Status status = connection_->images_stub.Update(&call.context(), request, &reply);
  return IsNotFound(status) ? absl::OkStatus() : Explain(status, "label image name " + name);
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

absl::Status Containerd::CriPull(const std::string& name, absl::Duration timeout) const {
  Call call(scope_, timeout);
  cri::PullImageRequest request;
  request.mutable_image()->set_image(name);
  cri::PullImageResponse reply;
  return Explain(connection_->cri_stub.PullImage(&call.context(), request, &reply), "pull " + name);
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

}  // namespace lighter
