#include "tests/unit/coordinator/fake_agent.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/digest.h"

namespace lighter::test {

std::map<std::string, uint64_t> FakeAgent::Wanted(const v1::LoadStart& start) {
  std::map<std::string, uint64_t> wanted;
  for (const v1::Image& image : start.images()) {
    wanted[image.config().digest()] = image.config().size();
    for (const v1::Layer& layer : image.layers())
      wanted[layer.blob().digest()] = layer.blob().size();
  }
  return wanted;
}

grpc::Status FakeAgent::Info(grpc::ServerContext*, const v1::InfoRequest*, v1::InfoReply* reply) {
  reply->set_agent_version("9.9.9");
  reply->set_protocol_version(protocol);
  return info_answer;
}

grpc::Status FakeAgent::Inventory(grpc::ServerContext*, const v1::InventoryRequest* request,
                                  v1::InventoryReply* reply) {
  if (unreachable_inventories-- > 0) return {grpc::StatusCode::UNAVAILABLE, "connection lost"};
  if (forget_names) return grpc::Status::OK;
  for (const v1::Image& image : request->images()) {
    for (const std::string& name : image.names()) reply->add_names()->set_name(name);
  }
  return grpc::Status::OK;
}

grpc::Status FakeAgent::Keep(grpc::ServerContext*, const v1::SignedDesired* list,
                             v1::KeepReply* reply) {
  v1::Desired desired;
  desired.ParseFromString(list->desired());
  v1::Desired before;
  before.ParseFromString(held.desired());
  if (held.desired().empty() || desired.generation() > before.generation()) {
    kept = desired.generation();
  } else {
    *reply->mutable_held() = held;
  }
  return keep_answer;
}

grpc::Status FakeAgent::Remove(grpc::ServerContext*, const v1::RemoveRequest* request,
                               v1::RemoveReply* reply) {
  ++removals;
  for (const v1::NamedImage& image : request->images()) reply->add_removed(image.name());
  return grpc::Status::OK;
}

grpc::Status FakeAgent::Load(grpc::ServerContext*,
                             grpc::ServerReaderWriter<v1::LoadReply, v1::LoadRequest>* stream) {
  v1::LoadRequest request;
  if (!stream->Read(&request) || !request.has_start())
    return {grpc::StatusCode::INVALID_ARGUMENT, "no start"};
  if (!refuse.ok()) return refuse;
  const v1::LoadStart start = request.start();
  v1::LoadReply reply;
  v1::Need& need = *reply.mutable_need();
  for (const auto& [digest, size] : Wanted(start)) {
    const std::lock_guard lock(mutex_);
    const uint64_t have = blobs_[digest].size();
    if (have == size) continue;
    v1::BlobNeed& blob = *need.add_blobs();
    blob.set_digest(digest);
    blob.set_size(size);
    blob.set_offset(have);
  }
  const v1::Need asked = need;
  stream->Write(reply);

  uint64_t came = 0;
  uint64_t left = 0;
  for (const v1::BlobNeed& blob : asked.blobs()) left += blob.size() - blob.offset();
  while (left > 0) {
    if (!stream->Read(&request)) return {grpc::StatusCode::CANCELLED, "gone"};
    if (request.has_finish()) break;
    if (!request.has_chunk())
      return {grpc::StatusCode::INVALID_ARGUMENT, "neither chunk nor finish"};
    const v1::Chunk& chunk = request.chunk();
    const std::string& digest = asked.blobs(static_cast<int>(chunk.need())).digest();
    const std::lock_guard lock(mutex_);
    std::string& blob = blobs_[digest];
    if (chunk.offset() != blob.size())
      return {grpc::StatusCode::OUT_OF_RANGE, "chunk out of order"};
    blob += chunk.data();
    left -= chunk.data().size();
    came += chunk.data().size();
    received_bytes_ += chunk.data().size();
    if (break_every_bytes > 0 && came >= break_every_bytes) {
      return {grpc::StatusCode::UNAVAILABLE, "the agent was killed"};
    }
    if (break_after_bytes > 0 && received_bytes_ >= break_after_bytes) {
      break_after_bytes = 0;
      if (spoil_kept) blob[0] = static_cast<char>(blob[0] ^ 1);
      return {grpc::StatusCode::UNAVAILABLE, "the agent was killed"};
    }
    const bool complete = blob.size() == asked.blobs(static_cast<int>(chunk.need())).size();
    if (complete && Digest::Of(blob).str() != digest) {
      blob.clear();
      return {grpc::StatusCode::DATA_LOSS, absl::StrCat("unexpected digest of ", digest)};
    }
  }
  if (!request.has_finish()) {
    if (on_staged) on_staged();
    if (!stage_failure.ok()) return stage_failure;
    reply.Clear();
    reply.mutable_staged();
    stream->Write(reply);
    if (done_early) {
      reply.mutable_done();
      stream->Write(reply);
      return grpc::Status::OK;
    }
    while (!request.has_finish()) {
      if (!stream->Read(&request)) return {grpc::StatusCode::CANCELLED, "gone"};
      if (!request.has_finish()) return {grpc::StatusCode::INVALID_ARGUMENT, "not a finish"};
    }
  }
  if (request.finish().action() == v1::Finish::ABANDON) {
    const std::lock_guard lock(mutex_);
    ++abandoned_;
    blobs_.clear();
  } else {
    if (const grpc::Status status = on_publish ? on_publish() : grpc::Status::OK; !status.ok()) {
      return status;
    }
    {
      const std::lock_guard lock(mutex_);
      ++published_;
    }
    for (const v1::Image& image : start.images()) {
      for (const std::string& name : image.names()) {
        absl::SleepFor(proof_pause);
        reply.Clear();
        reply.mutable_proof()->set_name(name);
        if (!forget_proofs) reply.mutable_proof()->set_config_digest(image.config().digest());
        stream->Write(reply);
      }
    }
  }
  reply.Clear();
  reply.mutable_done();
  stream->Write(reply);
  return grpc::Status::OK;
}

}  // namespace lighter::test
