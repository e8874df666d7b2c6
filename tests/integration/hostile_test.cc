// Requests that no honest coordinator sends, and bytes that are not what they claim to be.
#include <gmock/gmock.h>

#include <functional>

#include "common/limits.h"
#include "common/oci.h"
#include "tests/integration/node_test.h"

namespace lighter::testing {
namespace {

using support::MakeImage;
using ::testing::HasSubstr;

constexpr char kName[] = "example.com/a:1";
const std::string kZeroDigest = "sha256:" + std::string(64, '0');

class HostileTest : public NodeTest {
 protected:
  // After a failed load: the error, and that ABANDON takes away everything that came.
  void ExpectFailsAndCleansUp(const ImageSet& images, absl::StatusCode code,
                              const std::string& message) {
    const NodeListing before = List();
    const LoadResult failed = Load(agent(), images);
    EXPECT_EQ(failed.status.code(), code) << failed.status;
    EXPECT_THAT(std::string(failed.status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(failed.status.message()), HasSubstr(kName));
    EXPECT_TRUE(List().ingests.empty()) << ::testing::PrintToString(List());
    ASSERT_OK(Load(agent(), ImageSet(), v1::Finish::ABANDON).status);
    EXPECT_EQ(List(), before);
  }
};
FOR_EVERY_CONTAINERD(HostileTest);

// Sets the manifest and the digest that fits it.
void SetManifest(v1::Image& image, std::string manifest) {
  image.set_manifest_digest(Digest::Of(manifest).str());
  image.set_manifest(std::move(manifest));
}

struct HostileStart {
  const char* what;
  std::function<void(v1::LoadStart&)> spoil;
  const char* message;
};

const std::vector<HostileStart>& HostileStarts() {
  static const auto* const kStarts = new std::vector<HostileStart>{
      {"manifest digest of another algorithm",
       [](v1::LoadStart& s) { s.mutable_images(0)->set_manifest_digest("md5:00"); },
       "not a sha256 digest"},
      {"manifest digest with a path",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->set_manifest_digest("sha256:../../../../etc/passwd");
       },
       "not 64 lower-case hex digits"},
      {"other manifest bytes",
       [](v1::LoadStart& s) { s.mutable_images(0)->mutable_manifest()->append(" "); },
       "the manifest's bytes have digest"},
      {"manifest that is no JSON",
       [](v1::LoadStart& s) { SetManifest(*s.mutable_images(0), "{\"config\":"); }, "manifest"},
      {"manifest that is an array",
       [](v1::LoadStart& s) { SetManifest(*s.mutable_images(0), "[]"); }, "config"},
      {"deeply nested manifest",
       [](v1::LoadStart& s) { SetManifest(*s.mutable_images(0), std::string(1'000'000, '[')); },
       "manifest"},
      {"unknown manifest type",
       [](v1::LoadStart& s) { s.mutable_images(0)->set_manifest_media_type("text/html"); },
       "unknown manifest media type"},
      {"manifest of another type than given",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->set_manifest_media_type("application/vnd.oci.image.manifest.v1+json");
       },
       "mediaType is not the one given"},
      {"config that the manifest does not list",
       [](v1::LoadStart& s) { s.mutable_images(0)->mutable_config()->set_digest(kZeroDigest); },
       "the manifest lists config"},
      {"config of another size",
       [](v1::LoadStart& s) { s.mutable_images(0)->mutable_config()->set_size(1); },
       "the manifest lists config"},
      {"huge config",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->mutable_config()->set_size(kMaxConfigBytes + 1);
       },
       "is not between 1 and"},
      {"empty layer",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->mutable_layers(0)->mutable_blob()->set_size(0);
       },
       "is not between 1 and"},
      {"layer of 2^64-1 bytes",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->mutable_layers(0)->mutable_blob()->set_size(~0ULL);
       },
       "is not between 1 and"},
      {"layer that the manifest does not list",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->mutable_layers(0)->mutable_blob()->set_digest(kZeroDigest);
       },
       "the manifest lists layer"},
      {"layer too few", [](v1::LoadStart& s) { s.mutable_images(0)->mutable_layers()->Clear(); },
       "does not list the 0 layers"},
      {"too many layers",
       [](v1::LoadStart& s) {
         const v1::Layer layer = s.images(0).layers(0);
         for (uint32_t i = 0; i < kMaxLayersPerImage; ++i)
           *s.mutable_images(0)->add_layers() = layer;
       },
       "layers, at most 512"},
      {"unknown layer type",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->mutable_layers(0)->set_media_type("application/x-executable");
       },
       "unknown layer media type"},
      {"layer type that the manifest does not say",
       [](v1::LoadStart& s) {
         s.mutable_images(0)->mutable_layers(0)->set_media_type(std::string(kOciLayerZstd));
       },
       "another media type"},
      {"diffID that is none",
       [](v1::LoadStart& s) { s.mutable_images(0)->mutable_layers(0)->set_diff_id("x"); },
       "not a sha256 digest"},
      {"no name", [](v1::LoadStart& s) { s.mutable_images(0)->clear_names(); }, "no name"},
      {"name that is not normalised",
       [](v1::LoadStart& s) { s.mutable_images(0)->set_names(0, "nginx"); },
       "is not normalised; CRI looks up \"docker.io/library/nginx:latest\""},
      {"name with control characters",
       [](v1::LoadStart& s) { s.mutable_images(0)->set_names(0, "a\n\x1b[31mb"); }, "\\n\\033"},
      {"name listed twice", [](v1::LoadStart& s) { s.mutable_images(0)->add_names(kName); },
       "is listed twice"},
      {"name that pins another digest",
       [](v1::LoadStart& s) { s.mutable_images(0)->set_names(0, "example.com/a@" + kZeroDigest); },
       "pins another digest"},
      {"the same name for two images",
       [](v1::LoadStart& s) { *s.add_images() = v1::Image(s.images(0)); }, "is listed twice"},
      {"too many images",
       [](v1::LoadStart& s) {
         for (uint32_t i = 0; i < kMaxImagesPerLoad; ++i) s.add_images();
       },
       "images, at most 4096"},
  };
  return *kStarts;
}

TEST_P(HostileTest, BadStartsAreRefusedAndChangeNothing) {
  const NodeListing before = List();
  for (const HostileStart& hostile : HostileStarts()) {
    ImageSet images;
    images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {kName});
    hostile.spoil(images.start());
    const LoadResult result = Load(agent(), images);
    EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument)
        << hostile.what << ": " << result.status;
    EXPECT_THAT(std::string(result.status.message()), HasSubstr(hostile.message)) << hostile.what;

    v1::InventoryReply reply;
    grpc::ClientContext context;
    EXPECT_EQ(agent()->Inventory(&context, images.inventory(), &reply).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT)
        << hostile.what;
  }
  EXPECT_EQ(List(), before);
}

struct HostileMessage {
  const char* what;
  std::function<v1::LoadRequest(const v1::Need&)> make;
};

v1::LoadRequest ChunkOf(uint32_t need, uint64_t offset, uint64_t size) {
  v1::LoadRequest request;
  request.mutable_chunk()->set_need(need);
  request.mutable_chunk()->set_offset(offset);
  request.mutable_chunk()->set_data(std::string(size, 'x'));
  return request;
}

TEST_P(HostileTest, MessagesOutOfOrderEndTheLoad) {
  const std::vector<HostileMessage> messages = {
      {"chunk of another blob", [](const v1::Need&) { return ChunkOf(1, 0, 10); }},
      {"chunk of no blob", [](const v1::Need&) { return ChunkOf(~0U, 0, 10); }},
      {"chunk at another offset", [](const v1::Need&) { return ChunkOf(0, 10, 10); }},
      {"empty chunk", [](const v1::Need&) { return ChunkOf(0, 0, 0); }},
      {"chunk beyond the blob",
       [](const v1::Need& need) { return ChunkOf(0, 0, need.blobs(0).size() + 1); }},
      {"second start",
       [](const v1::Need&) {
         v1::LoadRequest request;
         request.mutable_start();
         return request;
       }},
      {"publish before staged",
       [](const v1::Need&) {
         v1::LoadRequest request;
         request.mutable_finish()->set_action(v1::Finish::PUBLISH);
         return request;
       }},
      {"finish that says nothing",
       [](const v1::Need&) {
         v1::LoadRequest request;
         request.mutable_finish();
         return request;
       }},
      {"empty message", [](const v1::Need&) { return v1::LoadRequest(); }},
  };
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("a", 5'000'000, 1)}), {kName});
  for (const HostileMessage& hostile : messages) {
    LoadClient client(agent(), &images);
    ASSERT_TRUE(client.Begin());
    client.Send(hostile.make(client.need()));
    const LoadResult result = client.End();
    EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument)
        << hostile.what << ": " << result.status;
  }
  ASSERT_OK(Load(agent(), images).status);
  ExpectNothingLeaked();
}

TEST_P(HostileTest, AChunkBeforeTheStartIsRefused) {
  ImageSet images;
  LoadClient client(agent(), &images);
  client.Send(ChunkOf(0, 0, 1));
  EXPECT_EQ(client.End().status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(HostileTest, OtherLayerBytesAreNeverStored) {
  const support::Layer layer = DataLayer("a", 2'000'000, 1);
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("b", 1000, 2), layer}), {kName});
  std::string bytes = layer.blob.str();
  bytes[bytes.size() / 2] ^= 1;
  images.Replace(layer.digest.str(), bytes);
  ExpectFailsAndCleansUp(images, absl::StatusCode::kDataLoss, layer.digest.str());
}

TEST_P(HostileTest, OtherConfigBytesAreNeverStored) {
  const support::Image image = MakeImage({}, {DataLayer("a", 1000, 1)});
  ImageSet images;
  images.Add(image, {kName});
  images.Replace(image.config_digest.str(), std::string(image.config.size(), ' '));
  ExpectFailsAndCleansUp(images, absl::StatusCode::kDataLoss, image.config_digest.str());
}

TEST_P(HostileTest, ALayerThatUnpacksToAnotherDiffIdIsRefused) {
  support::Layer layer = DataLayer("a", 1000, 1);
  layer.diff_id = Digest::Of("something else");
  ImageSet images;
  images.Add(MakeImage({}, {DataLayer("b", 1000, 2), layer}), {kName});
  ExpectFailsAndCleansUp(images, absl::StatusCode::kInvalidArgument, layer.digest.str());
}

TEST_P(HostileTest, AConfigWithOtherDiffIdsThanTheRequestIsRefused) {
  ImageSet images;
  v1::Image& image = images.Add(MakeImage({}, {DataLayer("a", 1000, 1)}), {kName});
  image.mutable_layers(0)->set_diff_id(kZeroDigest);
  ExpectFailsAndCleansUp(images, absl::StatusCode::kInvalidArgument, "another diffID");
}

TEST_P(HostileTest, ALayerThatIsNoArchiveIsRefused) {
  support::Layer layer = DataLayer("a", 1000, 1);
  layer.blob = "\x1f\x8b\x08 this is not gzip";
  layer.digest = layer.blob.digest();
  ImageSet images;
  images.Add(MakeImage({}, {layer}), {kName});
  const NodeListing before = List();
  const LoadResult failed = Load(agent(), images);
  EXPECT_FALSE(failed.status.ok());
  EXPECT_THAT(std::string(failed.status.message()), HasSubstr("unpack layer 1/1"));
  EXPECT_THAT(std::string(failed.status.message()), HasSubstr(layer.digest.str()));
  ASSERT_OK(Load(agent(), images, v1::Finish::ABANDON).status);
  EXPECT_EQ(List(), before);
}

}  // namespace
}  // namespace lighter::testing
