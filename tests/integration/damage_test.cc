// Blobs that were on the node before a load and that its disk has spoilt since.
#include <gmock/gmock.h>

#include <fstream>

#include "agent/blob_writer.h"
#include "agent/containerd_client.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using support::MakeLayer;
using ::testing::HasSubstr;

class DamageTest : public NodeTest {
 protected:
  std::string BlobPath(const Digest& digest) {
    return containerd().root() + "/io.containerd.content.v1.content/blobs/sha256/" + digest.hex();
  }

  // Stores a blob and flips a byte of its file.
  void StoreSpoilt(BlobKind kind, const std::string& bytes) {
    const Digest digest = Digest::Of(bytes);
    const BlobTarget target{
        kind, {"", digest, bytes.size()}, {{"containerd.io/gc.root", "test"}}, "test"};
    ASSERT_OK(PutBlob(Containerd(containerd().socket()), target, bytes));
    std::fstream file(BlobPath(digest), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(bytes.size() / 2);
    file.seekp(middle);
    file.put(static_cast<char>(bytes[bytes.size() / 2] ^ 1));
    ASSERT_TRUE(file.good());
  }

  // The load fails, names the blob and the way out; taking that way, it succeeds.
  void ExpectNamedAndMendable(const ImageSet& images, const Digest& digest) {
    const LoadResult failed = Load(agent(), images);
    EXPECT_EQ(failed.status.code(), absl::StatusCode::kInternal) << failed.status;
    EXPECT_THAT(std::string(failed.status.message()),
                HasSubstr("that is stored on this node as " + digest.str() + " is damaged"));
    EXPECT_THAT(std::string(failed.status.message()),
                HasSubstr("`ctr -n k8s.io content rm " + digest.str() + "`"));
    EXPECT_THAT(std::string(failed.status.message()), HasSubstr("example.com/a:1"));

    ASSERT_OK(containerd().Ctr({"content", "rm", digest.str()}).status());
    ASSERT_OK(Load(agent(), images).status);
    ExpectProven(images);
    ExpectNothingLeaked();
  }
};
FOR_EVERY_CONTAINERD(DamageTest);

TEST_P(DamageTest, ASpoiltPlainLayer) {
  const support::Layer layer =
      MakeLayer({support::File("a", RandomBytes(100'000, 1))}, Compression::kNone);
  ImageSet images;
  images.Add(MakeImage({}, {layer, DataLayer("b", 1000, 2)}), {"example.com/a:1"});
  StoreSpoilt(BlobKind::kLayer, layer.blob.str());
  ExpectNamedAndMendable(images, layer.digest);
}

TEST_P(DamageTest, ASpoiltCompressedLayer) {
  const support::Layer layer =
      MakeLayer({support::File("a", RandomBytes(100'000, 1))}, Compression::kGzip);
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {"example.com/a:1"});
  StoreSpoilt(BlobKind::kLayer, layer.blob.str());
  ExpectNamedAndMendable(images, layer.digest);
}

TEST_P(DamageTest, ASpoiltConfig) {
  const support::Image image = MakeImage({}, {DataLayer("a", 1000, 1)});
  ImageSet images;
  images.Add(image, {"example.com/a:1"});
  StoreSpoilt(BlobKind::kConfig, image.config);
  ExpectNamedAndMendable(images, image.config_digest);
}

}  // namespace
}  // namespace lighter::testing
