// A thin typed client of one containerd, namespace k8s.io: one method per call that we need.
//
// Every call carries namespace, lease and a deadline. Errors say what was being done, in plain
// words: Unavailable where containerd cannot be reached or went away, ResourceExhausted where its
// disk is full, Cancelled where the scope's group was cancelled, else containerd's own code and
// message; but never InvalidArgument or DataLoss, which say of a load that its package is at fault.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/call_group.h"
#include "agent/snapshotter.h"
#include "common/digest.h"
#include "common/oci.h"
#include "containerd/types.pb.h"

namespace grpc {
class Status;
}

namespace lighter {

using Labels = std::map<std::string, std::string>;

struct ImageRecord {
  std::string name;
  Descriptor target;  // the manifest
  Labels labels;
};

// Something that a lease holds.
struct LeaseResource {
  std::string id;
  std::string type;  // "content", "ingests", "snapshots/<snapshotter>"
};

struct ContentWrite;  // content_write.h

// Thread-safe. Copies share one connection, which is made on first use and re-made after a restart
// of containerd.
class Containerd {
 public:
  // `socket` is the path of containerd's socket.
  explicit Containerd(std::string socket);

  // The same connection with another lease and group.
  Containerd Scoped(CallScope scope) const;

  const std::string& socket() const;

  // --- The node. Snapshotter waits a few seconds for containerd to come up, so it goes first.
  absl::StatusOr<std::string> Snapshotter() const;  // see ChooseSnapshotter
  absl::StatusOr<std::string> Version() const;
  // The content store's folder, and containerd's root above it; empty where not told.
  absl::StatusOr<std::string> ContentFolder() const;
  absl::StatusOr<std::string> RootFolder() const;

  // --- Content.
  // Labels of a stored blob; nullopt where there is none.
  absl::StatusOr<std::optional<Labels>> FindBlob(const Digest& digest) const;
  // Sets these labels and leaves the others alone.
  absl::Status MergeLabels(const Digest& digest, const Labels& labels) const;
  // Bytes of a stored blob; nullopt where there is none.
  absl::StatusOr<std::optional<uint64_t>> BlobSize(const Digest& digest) const;
  // Gives `length` bytes of a stored blob (0: all to its end) from `offset` on to `sink`, whose
  // error ends the reading.
  absl::Status StreamBlob(const Digest& digest, uint64_t offset, uint64_t length,
                          const std::function<absl::Status(std::string_view)>& sink) const;
  // ResourceExhausted where the blob is larger than `max_bytes`.
  absl::StatusOr<std::string> ReadBlob(const Digest& digest, uint64_t max_bytes) const;
  // The digest of the bytes that are really stored under `digest`.
  absl::StatusOr<Digest> HashBlob(const Digest& digest) const;
  // Bytes of the write under `ref`, broken off or going on; nullopt where nothing was begun.
  absl::StatusOr<std::optional<uint64_t>> IngestOffset(const std::string& ref) const;
  // OK where there is none. Does not ask whether somebody is writing: DropIngest (ingest.h) does.
  absl::Status AbortIngest(const std::string& ref) const;
  // The running call content.Write.
  std::unique_ptr<ContentWrite> OpenWrite() const;

  // --- Image names.
  absl::StatusOr<std::optional<ImageRecord>> FindImage(const std::string& name) const;
  absl::StatusOr<std::vector<ImageRecord>> ListImages() const;
  // `collect`: answers when the garbage collection that follows is over. OK where there is none.
  absl::Status DeleteImage(const std::string& name, bool collect) const;
  // Sets these labels and leaves the others alone; an empty one is taken off. OK where there is no
  // such name.
  absl::Status LabelImage(const std::string& name, const Labels& labels) const;
  // AlreadyExists where there is such a name. Empty labels are left out.
  absl::Status CreateImage(const ImageRecord& record) const;
  // Creates the record or points it to `record.target`; labels are merged, empty ones taken off.
  absl::Status PutImage(const ImageRecord& record) const;
  // The config digest that the kubelet is told for `name`; empty where CRI does not know it.
  absl::StatusOr<std::string> CriImageId(const std::string& name) const;
  // Has CRI pull `name` as for the kubelet. NotFound where every registry that it asked has no such
  // image, DeadlineExceeded.
  absl::Status CriPull(const std::string& name, absl::Duration timeout) const;

  // --- Snapshots.
  absl::StatusOr<bool> HasSnapshot(const std::string& snapshotter, const Digest& chain_id) const;
  using Mounts = google::protobuf::RepeatedPtrField<containerd::types::Mount>;
  // AlreadyExists where `key` or the snapshot named by label containerd.io/snapshot.ref exists.
  absl::StatusOr<Mounts> PrepareSnapshot(const std::string& snapshotter, const std::string& key,
                                         const std::string& parent, const Labels& labels) const;
  absl::Status CommitSnapshot(const std::string& snapshotter, const std::string& name,
                              const std::string& key, const Labels& labels) const;
  absl::Status RemoveSnapshot(const std::string& snapshotter, const std::string& key) const;
  // Unpacks a stored layer; the digest of the plain tar.
  absl::StatusOr<std::string> Apply(const Descriptor& layer, const Mounts& mounts) const;

  // --- Leases.
  absl::Status CreateLease(const std::string& id, const Labels& labels) const;
  absl::StatusOr<std::vector<std::string>> LeaseIds() const;
  absl::StatusOr<std::vector<LeaseResource>> LeaseResources(const std::string& id) const;
  absl::Status AddToLease(const std::string& id, const LeaseResource& resource) const;
  // `collect`: answers when the garbage collection that follows is over. OK where there is none.
  absl::Status DeleteLease(const std::string& id, bool collect) const;

  // Turns what a call returned into the errors described above; `doing` completes "containerd
  // could not ...".
  absl::Status Explain(const grpc::Status& status, std::string_view doing) const;

 private:
  struct Connection;

  absl::StatusOr<std::string> NamespaceDefault() const;
  absl::StatusOr<std::vector<SnapshotterFacts::Plugin>> UsableSnapshotters() const;
  absl::StatusOr<std::string> CriImageFolder() const;

  std::shared_ptr<Connection> connection_;
  CallScope scope_;
};

}  // namespace lighter
