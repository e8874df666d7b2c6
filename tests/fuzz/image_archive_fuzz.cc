// An images.tar with a vendor's manifest.json or index.json, configs and links: what is read of it
// lies within it and is what its digests say.
#include <nlohmann/json.hpp>
#include <string>

#include "common/image_archive.h"
#include "common/limits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/text_tar.h"

namespace lighter {
namespace {

void CheckBlob(const ReadableFile& file, const StoredBlob& blob) {
  REQUIRE(blob.size <= file.size() && blob.offset <= file.size() - blob.size);
  REQUIRE(!blob.entry.empty());
}

void CheckImage(const ReadableFile& file, const ArchiveImage& image) {
  CheckBlob(file, image.config);
  REQUIRE(Digest::Of(file.ReadAt(image.config.offset, image.config.size).value()) ==
          image.config.digest);
  REQUIRE(Digest::Of(image.manifest) == image.manifest_digest);
  REQUIRE(image.layers.size() <= kMaxLayersPerImage);
  const auto manifest = nlohmann::json::parse(image.manifest, nullptr, false);
  REQUIRE(manifest.is_object() && manifest["layers"].size() == image.layers.size());
  REQUIRE(manifest["config"]["digest"] == image.config.digest.str());
  for (size_t i = 0; i < image.layers.size(); ++i) {
    const ArchiveLayer& layer = image.layers[i];
    CheckBlob(file, layer.blob);
    const auto& listed = manifest["layers"][i];
    REQUIRE(listed["digest"] == layer.blob.digest.str() && listed["size"] == layer.blob.size);
    REQUIRE(layer.media_type != kDockerLayer || layer.blob.digest == layer.diff_id);
  }
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  static fuzz::MemoryFile memory;
  memory.Set(fuzz::TarOfText(fuzz::AsText(data, size)));
  const ReadableFile file = ReadableFile::Open(memory.path()).value();
  const auto archive = ReadImageArchive(file, {0, file.size()}, "fuzz.tar");
  if (!archive.ok()) return 0;
  REQUIRE(archive->images.size() <= kMaxImagesPerLoad);
  for (const ArchiveImage& image : archive->images) CheckImage(file, image);
  return 0;
}
