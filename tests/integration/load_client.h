// The coordinator's side of a load, for tests: packs images, runs Load streams, stops them
// anywhere.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lighter/v1/agent.grpc.pb.h"
#include "tests/support/image_builder.h"

namespace lighter::testing {

// Images as they go over the wire, with the bytes of their blobs.
class ImageSet {
 public:
  // `names` are target names, normalised. Returns the image for changes by hostile tests.
  v1::Image& Add(const support::Image& image, const std::vector<std::string>& names);

  const v1::LoadStart& start() const { return start_; }
  v1::LoadStart& start() { return start_; }
  v1::InventoryRequest inventory() const;
  const std::string& bytes(const std::string& digest) const { return blobs_.at(digest); }
  // Makes the set send other bytes for a digest.
  void Replace(const std::string& digest, std::string bytes) { blobs_[digest] = std::move(bytes); }

 private:
  v1::LoadStart start_;
  std::map<std::string, std::string> blobs_;
};

struct LoadResult {
  absl::Status status;  // of the stream
  v1::Need need;
  std::vector<v1::Progress> progress;
  bool staged = false;
  std::vector<v1::Proof> proofs;
  bool done = false;
  uint64_t received_bytes = 0;
};

// One Load stream; replies are read by a thread of its own, as every coordinator must: an
// in-process channel has no buffer, so whoever writes without reading may wait for ever. Not
// thread-safe.
class LoadClient {
 public:
  LoadClient(v1::Agent::Stub* agent, const ImageSet* images);
  ~LoadClient();  // cancels a stream that is still open

  // Sends LoadStart and waits for Need. False where the agent refused; see Finish.
  bool Begin();
  const v1::Need& need() const { return result_.need; }

  // Sends at most `max_bytes` of what is needed in chunks of `chunk_bytes`. False where the stream
  // broke.
  bool SendBytes(uint64_t max_bytes, uint64_t chunk_bytes = 256 * 1024);
  bool SendAll() { return SendBytes(~0ULL); }

  // Sends a message as it is. False where the stream broke.
  bool Send(const v1::LoadRequest& request) { return stream_->Write(request); }

  // Takes replies until one for which `until` is true; false where the stream ended first.
  bool ReadUntil(const std::function<bool(const v1::LoadReply&)>& until);
  bool AwaitStaged();

  // Sends Finish and reads to the end of the stream.
  LoadResult Finish(v1::Finish::Action action);
  // Reads to the end of the stream.
  LoadResult End();
  // Breaks the stream and waits until it is over.
  void Cancel();

 private:
  void ReadReplies();
  void Note(const v1::LoadReply& reply);

  const ImageSet* const images_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::LoadRequest, v1::LoadReply>> stream_;
  LoadResult result_;
  int blob_ = 0;         // index into Need of what is sent next
  uint64_t offset_ = 0;  // within that blob

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<v1::LoadReply> replies_;  // read and not yet taken
  bool ended_ = false;                 // no more will come
  std::thread reader_;
};

// A whole load.
LoadResult Load(v1::Agent::Stub* agent, const ImageSet& images,
                v1::Finish::Action action = v1::Finish::PUBLISH);

// `size` bytes that do not compress, always the same for a seed.
std::string RandomBytes(uint64_t size, uint64_t seed);

// A layer with one file of `RandomBytes(bytes, seed)`.
support::Layer DataLayer(const std::string& file, uint64_t bytes, uint64_t seed);

}  // namespace lighter::testing
