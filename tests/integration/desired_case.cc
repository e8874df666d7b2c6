#include "tests/integration/desired_case.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/desired.h"
#include "common/file.h"
#include "common/limits.h"
#include "tests/support/certificates.h"

namespace lighter::testing {

FakePeer::FakePeer(const ImageSet* images, const std::string& tls_folder) : images_(images) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", MakeServerCredentials(tls_folder), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

std::string FakePeer::address() const { return absl::StrCat("127.0.0.1:", port_); }

grpc::Status FakePeer::Fetch(grpc::ServerContext*, const v1::FetchRequest* request,
                             grpc::ServerWriter<v1::FetchReply>* writer) {
  ++calls_;
  std::string bytes;
  for (const v1::Image& image : images_->start().images()) {
    if (image.manifest_digest() == request->digest()) bytes = image.manifest();
  }
  if (bytes.empty()) bytes = images_->bytes(request->digest());
  uint64_t end = request->length() == 0
                     ? bytes.size()
                     : std::min(bytes.size(), request->offset() + request->length());
  bool breaks = false;
  {
    const std::lock_guard lock(mutex_);
    if (broken_.has_value() && broken_->first == request->digest()) {
      if (request->offset() == 0) ++starts_;
      breaks = end > broken_->second;
      end = std::min(end, broken_->second);
    }
  }
  for (uint64_t at = request->offset(); at < end; at += kChunkBytes) {
    v1::FetchReply reply;
    reply.set_size(bytes.size());
    std::string data = bytes.substr(at, std::min(kChunkBytes, end - at));
    if (lies_) std::fill(data.begin(), data.end(), 'x');
    reply.set_data(std::move(data));
    writer->Write(reply);
  }
  if (!breaks) return grpc::Status::OK;
  ++breaks_;
  return {grpc::StatusCode::UNAVAILABLE, "broken off"};
}

void FakePeer::BreakOff(std::optional<std::pair<std::string, uint64_t>> at) {
  const std::lock_guard lock(mutex_);
  broken_ = std::move(at);
}

void DesiredCase::SetUp() {
  NodeTest::SetUp();
  images_.Add(support::MakeImage({}, {DataLayer("a", 3'000'000, 1)}), {kName});
  WriteTls({std::string(kMemberTlsName)}, "member");
}

std::string DesiredCase::WriteTls(const std::vector<std::string>& names,
                                  const std::string& folder) {
  TlsFiles files;
  files.ca = authority_.certificate;
  files.key = *MakeKey();
  files.certificate = *IssueCertificate(authority_, *MakeRequest(files.key), names, absl::Hours(1));
  support::WriteTlsFolder(files, dir_.File(folder));
  return dir_.File(folder);
}

void DesiredCase::WriteList(const Peers& peers, const Authority& authority) {
  WriteDesired(List(peers), authority);
}

void DesiredCase::WriteDesired(const v1::Desired& desired, const Authority& authority) {
  const auto list = SignDesired(desired, authority);
  ASSERT_OK(list.status());
  ASSERT_OK(WriteFileAtomic(dir_.File("desired"), list->SerializeAsString(), 0600));
}

v1::Desired DesiredCase::List(const Peers& peers) const {
  v1::Desired desired;
  desired.set_generation(1);
  v1::DesiredRelease* const release = desired.add_releases();
  release->set_name("harbor/quayside");
  for (const v1::Image& from : images_.start().images()) {
    v1::DesiredImage* const image = release->add_images();
    image->set_manifest_digest(from.manifest_digest());
    image->set_manifest_media_type(from.manifest_media_type());
    image->set_manifest_size(from.manifest().size());
    *image->mutable_names() = from.names();
  }
  for (const auto& [node, address] : peers) {
    v1::DesiredPeer* const peer = desired.add_peers();
    peer->set_node(node);
    peer->set_address(address);
  }
  return desired;
}

std::unique_ptr<AgentProcess> DesiredCase::LateAgent(const std::vector<std::string>& more_flags) {
  std::vector<std::string> flags = {
      "--listen",           "127.0.0.1:0",         "--state-dir",
      dir_.File("state"),   "--node-name",         "late",
      "--member-dir",       dir_.File("member"),   "--desired-file",
      dir_.File("desired"), "--containerd-socket", containerd().socket()};
  flags.insert(flags.end(), more_flags.begin(), more_flags.end());
  auto agent = AgentProcess::Launch(flags);
  EXPECT_OK(agent.status());
  return agent.ok() ? *std::move(agent) : nullptr;
}

bool DesiredCase::HasName() {
  const NodeListing listing = NodeTest::List();
  return std::any_of(listing.images.begin(), listing.images.end(), [](const std::string& image) {
    return absl::StartsWith(image, absl::StrCat(kName, " "));
  });
}

void DesiredCase::ExpectArrives(AgentProcess& agent) {
  const absl::Time give_up = absl::Now() + kPatience;
  while (!HasName()) {
    ASSERT_LT(absl::Now(), give_up) << agent.log();
    absl::SleepFor(absl::Milliseconds(100));
  }
  ExpectProven(images_);
}

}  // namespace lighter::testing
