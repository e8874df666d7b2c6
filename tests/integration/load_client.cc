#include "tests/integration/load_client.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "common/grpc_status.h"
#include "common/oci.h"

namespace lighter::testing {
namespace {

constexpr std::chrono::seconds kLoadTimeout(60);

std::string MediaType(Compression compression) {
  if (compression == Compression::kGzip) return std::string(kDockerLayerGzip);
  if (compression == Compression::kZstd) return std::string(kOciLayerZstd);
  return std::string(kDockerLayer);
}

}  // namespace

v1::Image& ImageSet::Add(const support::Image& image, const std::vector<std::string>& names) {
  v1::Image& added = *start_.add_images();
  std::vector<Descriptor> layers;
  for (const support::Layer& layer : image.layers) {
    layers.push_back({MediaType(layer.compression), layer.digest, layer.blob.size()});
    v1::Layer& to = *added.add_layers();
    to.mutable_blob()->set_digest(layer.digest.str());
    to.mutable_blob()->set_size(layer.blob.size());
    to.set_media_type(layers.back().media_type);
    to.set_diff_id(layer.diff_id.str());
    blobs_[layer.digest.str()] = layer.blob.str();
  }
  added.set_manifest(DockerManifestJson(
      {std::string(kDockerConfig), image.config_digest, image.config.size()}, layers));
  added.set_manifest_digest(Digest::Of(added.manifest()).str());
  added.set_manifest_media_type(std::string(kDockerManifest));
  added.mutable_config()->set_digest(image.config_digest.str());
  added.mutable_config()->set_size(image.config.size());
  blobs_[image.config_digest.str()] = image.config;
  for (const std::string& name : names) added.add_names(name);
  start_.set_run_id("run-1");
  start_.set_origin("test-host");
  return added;
}

v1::InventoryRequest ImageSet::inventory() const {
  v1::InventoryRequest request;
  *request.mutable_images() = start_.images();
  return request;
}

LoadClient::LoadClient(v1::Agent::Stub* agent, const ImageSet* images) : images_(images) {
  context_.set_deadline(std::chrono::system_clock::now() + kLoadTimeout);
  stream_ = agent->Load(&context_);
  reader_ = std::thread([this] { ReadReplies(); });
}

LoadClient::~LoadClient() { Cancel(); }

void LoadClient::Cancel() {
  if (!reader_.joinable()) return;
  context_.TryCancel();
  End();
}

void LoadClient::Note(const v1::LoadReply& reply) {
  if (reply.has_need()) result_.need = reply.need();
  if (reply.has_progress()) result_.progress.push_back(reply.progress());
  if (reply.has_staged()) result_.staged = true;
  if (reply.has_proof()) result_.proofs.push_back(reply.proof());
  if (reply.has_done()) {
    result_.done = true;
    result_.received_bytes = reply.done().received_bytes();
  }
}

void LoadClient::ReadReplies() {
  v1::LoadReply reply;
  while (stream_->Read(&reply)) {
    const std::lock_guard lock(mutex_);
    replies_.push_back(reply);
    arrived_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  arrived_.notify_all();
}

bool LoadClient::ReadUntil(const std::function<bool(const v1::LoadReply&)>& until) {
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return !replies_.empty() || ended_; });
    if (replies_.empty()) return false;
    const v1::LoadReply reply = std::move(replies_.front());
    replies_.pop_front();
    Note(reply);
    if (until(reply)) return true;
  }
}

bool LoadClient::Begin() {
  v1::LoadRequest request;
  *request.mutable_start() = images_->start();
  stream_->Write(request);
  if (!ReadUntil([](const v1::LoadReply& reply) { return reply.has_need(); })) return false;
  if (need().blobs_size() > 0) offset_ = need().blobs(0).offset();
  return true;
}

bool LoadClient::SendBytes(uint64_t max_bytes, uint64_t chunk_bytes) {
  while (max_bytes > 0 && blob_ < need().blobs_size()) {
    const v1::BlobNeed& blob = need().blobs(blob_);
    const std::string& bytes = images_->bytes(blob.digest());
    const uint64_t end = std::min<uint64_t>(bytes.size(), blob.size());
    const uint64_t size = std::min({chunk_bytes, max_bytes, end - offset_});
    if (size > 0) {
      v1::LoadRequest request;
      request.mutable_chunk()->set_need(static_cast<uint32_t>(blob_));
      request.mutable_chunk()->set_offset(offset_);
      request.mutable_chunk()->set_data(bytes.substr(offset_, size));
      if (!stream_->Write(request)) return false;
      max_bytes -= size;
      offset_ += size;
    }
    if (offset_ == end) {
      ++blob_;
      offset_ = blob_ < need().blobs_size() ? need().blobs(blob_).offset() : 0;
    }
  }
  return true;
}

bool LoadClient::AwaitStaged() {
  return ReadUntil([](const v1::LoadReply& reply) { return reply.has_staged(); });
}

LoadResult LoadClient::Finish(v1::Finish::Action action) {
  v1::LoadRequest request;
  request.mutable_finish()->set_action(action);
  stream_->Write(request);
  return End();
}

LoadResult LoadClient::End() {
  ReadUntil([](const v1::LoadReply&) { return false; });
  reader_.join();
  result_.status = FromGrpc(stream_->Finish());
  return result_;
}

LoadResult Load(v1::Agent::Stub* agent, const ImageSet& images, v1::Finish::Action action) {
  LoadClient client(agent, &images);
  if (!client.Begin() || !client.SendAll()) return client.End();
  if (action == v1::Finish::PUBLISH && !client.AwaitStaged()) return client.End();
  return client.Finish(action);
}

std::string RandomBytes(uint64_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

support::Layer DataLayer(const std::string& file, uint64_t bytes, uint64_t seed) {
  return support::MakeLayer({support::File(file, RandomBytes(bytes, seed))});
}

}  // namespace lighter::testing
