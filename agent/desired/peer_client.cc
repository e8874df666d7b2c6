#include "agent/desired/peer_client.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/desired/authority_ca.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/tls.h"

namespace lighter {
namespace {

// A peer that needs longer for so much is left for another one.
constexpr uint64_t kStretchBytes = 16 * kMiB;
constexpr absl::Duration kStretchTimeout = absl::Seconds(60);
// Of the first byte, so that a peer that is switched off costs little.
constexpr absl::Duration kSizeTimeout = absl::Seconds(5);

// Which peers to ask, in which order: spread over the nodes, so that not all ask the same one.
std::vector<const v1::DesiredPeer*> Order(const v1::Desired& list, const std::string& node,
                                          size_t skew) {
  std::vector<const v1::DesiredPeer*> peers;
  for (const v1::DesiredPeer& peer : list.peers()) {
    if (peer.node() != node) peers.push_back(&peer);
  }
  if (!peers.empty()) {
    const size_t first = (std::hash<std::string>()(node) + skew) % peers.size();
    std::rotate(peers.begin(), peers.begin() + static_cast<ptrdiff_t>(first), peers.end());
  }
  return peers;
}

// Keeps what weighs most: a peer that could not be asked may have the blob.
void Note(const v1::DesiredPeer& peer, const absl::Status& status, absl::Status* worst) {
  if (absl::IsNotFound(status) && !worst->ok()) return;
  const std::string words = absl::StrCat(peer.node(), ": ", status.message());
  *worst = absl::IsNotFound(status) ? absl::NotFoundError(words) : absl::UnavailableError(words);
}

struct Stretch {
  uint64_t size = 0;      // of the whole blob
  uint64_t received = 0;  // given to the sink
};

// At most `length` bytes from `offset` on; an error of the sink is `refused`.
absl::Status FetchStretch(v1::Peer::StubInterface& peer, const Digest& digest, uint64_t offset,
                          uint64_t length, absl::Duration timeout, const BlobSink& sink,
                          CallGroup* group, Stretch* stretch, absl::Status* refused) {
  Call call({"", group}, timeout);
  v1::FetchRequest request;
  request.set_digest(digest.str());
  request.set_offset(offset);
  request.set_length(length);
  const auto reader = peer.Fetch(&call.context(), request);
  v1::FetchReply reply;
  while (reader->Read(&reply)) {
    stretch->size = std::max(stretch->size, reply.size());
    if (stretch->received + reply.data().size() > length) {
      call.context().TryCancel();
      reader->Finish();
      return absl::DataLossError("it sent more than it was asked for");
    }
    if (!reply.data().empty()) {
      *refused = sink(reply.data());
    }
    if (!refused->ok()) {
      call.context().TryCancel();
      reader->Finish();
      return *refused;
    }
    stretch->received += reply.data().size();
  }
  return FromGrpc(reader->Finish());
}

absl::Status Nobody(const absl::Status& worst) {
  return worst.ok() ? absl::NotFoundError("the desired list names no other node") : worst;
}

}  // namespace

PeerClient::PeerClient(std::string state_dir, std::string member_dir, std::string node)
    : state_dir_(std::move(state_dir)),
      member_dir_(std::move(member_dir)),
      node_(std::move(node)) {}

absl::StatusOr<std::shared_ptr<v1::Peer::StubInterface>> PeerClient::Dial(
    const v1::DesiredPeer& peer) {
  absl::StatusOr<TlsFiles> files = ReadTlsFolder(state_dir_, AgentTlsNames(node_));
  const bool outdated =
      files.ok() && FindAuthorityCa(state_dir_, member_dir_).value_or(files->ca) != files->ca;
  if ((!files.ok() || outdated) && !member_dir_.empty()) {
    files = ReadTlsFolder(member_dir_, {std::string(kMemberTlsName)});
  }
  RETURN_IF_ERROR(Annotate(files.status(), "no certificate to ask other nodes with"));
  const std::lock_guard lock(mutex_);
  Connection& connection = connections_[{peer.node(), peer.address()}];
  if (connection.stub == nullptr || connection.certificate != files->certificate) {
    connection.stub = v1::Peer::NewStub(
        DialAgent(peer.address(), MakeChannelCredentials(*files), NodeTlsName(peer.node())));
    connection.certificate = files->certificate;
  }
  return connection.stub;
}

absl::StatusOr<uint64_t> PeerClient::Size(const v1::Desired& list, const Digest& digest,
                                          CallGroup* group) {
  absl::Status worst;
  for (const v1::DesiredPeer* peer : Order(list, node_, skew_)) {
    if (group != nullptr && group->cancelled()) return absl::CancelledError("stopped");
    ASSIGN_OR_RETURN(const auto stub, Dial(*peer));
    Stretch stretch;
    absl::Status refused;
    const absl::Status status = FetchStretch(
        *stub, digest, 0, 1, kSizeTimeout, [](std::string_view) { return absl::OkStatus(); }, group,
        &stretch, &refused);
    if (status.ok()) return stretch.size;
    Note(*peer, status, &worst);
  }
  return Nobody(worst);
}

absl::Status PeerClient::Fetch(const v1::Desired& list, const Digest& digest, uint64_t offset,
                               const BlobSink& sink, CallGroup* group) {
  absl::Status worst;
  for (const v1::DesiredPeer* peer : Order(list, node_, skew_)) {
    ASSIGN_OR_RETURN(const auto stub, Dial(*peer));
    while (true) {
      if (group != nullptr && group->cancelled()) return absl::CancelledError("stopped");
      Stretch stretch;
      absl::Status refused;
      const absl::Status status = FetchStretch(*stub, digest, offset, kStretchBytes,
                                               kStretchTimeout, sink, group, &stretch, &refused);
      offset += stretch.received;
      RETURN_IF_ERROR(refused);
      if (!status.ok()) {
        Note(*peer, status, &worst);
        break;  // the next peer goes on from here
      }
      if (offset >= stretch.size) return absl::OkStatus();
      // A little at a time would hold us for ever.
      if (stretch.received < kStretchBytes) {
        Note(*peer, absl::UnavailableError("it sent less than it was asked for"), &worst);
        break;
      }
    }
  }
  return Nobody(worst);
}

}  // namespace lighter
