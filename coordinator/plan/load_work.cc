#include "coordinator/plan/load_work.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

v1::Image ToProto(const ArchiveImage& image) {
  v1::Image proto;
  proto.set_manifest(image.manifest);
  proto.set_manifest_digest(image.manifest_digest.str());
  proto.set_manifest_media_type(image.manifest_media_type);
  proto.mutable_config()->set_digest(image.config.digest.str());
  proto.mutable_config()->set_size(image.config.size);
  for (const ArchiveLayer& layer : image.layers) {
    v1::Layer& out = *proto.add_layers();
    out.mutable_blob()->set_digest(layer.blob.digest.str());
    out.mutable_blob()->set_size(layer.blob.size);
    out.set_media_type(layer.media_type);
    out.set_diff_id(layer.diff_id.str());
  }
  return proto;
}

class WorkBuilder {
 public:
  explicit WorkBuilder(LoadWork& work) : work_(work) {}

  absl::Status Add(const Bundle& bundle, const NamingResult& names) {
    for (const TargetName& target : names.targets) {
      const ArchiveImage& image = bundle.images.images[target.image];
      const std::string digest = image.manifest_digest.str();
      const auto [owner, is_new_name] = owners_.try_emplace(target.name, digest, bundle.name);
      if (!is_new_name) {
        const auto& [other_digest, other_bundle] = owner->second;
        if (other_digest == digest) continue;
        return absl::FailedPreconditionError(absl::StrCat("two images claim the name ", target.name,
                                                          ": one in ", other_bundle,
                                                          ", another in ", bundle.name));
      }
      const auto [index, is_new_image] = indexes_.try_emplace(digest, work_.images.size());
      if (is_new_image) {
        work_.images.push_back(ToProto(image));
        AddBlob(bundle, image.config);
        for (const ArchiveLayer& layer : image.layers) AddBlob(bundle, layer.blob);
      }
      work_.images[index->second].add_names(target.name);
    }
    return absl::OkStatus();
  }

 private:
  void AddBlob(const Bundle& bundle, const StoredBlob& blob) {
    work_.blobs.try_emplace(blob.digest.str(),
                            BlobLocation{.file = bundle.file,
                                         .offset = blob.offset,
                                         .size = blob.size,
                                         .entry = absl::StrCat(bundle.name, ": ", blob.entry)});
  }

  LoadWork& work_;
  std::map<std::string, size_t> indexes_;  // of images, by manifest digest
  std::map<std::string, std::pair<std::string, std::string>> owners_;  // name -> digest, bundle
};

}  // namespace

absl::StatusOr<LoadWork> MakeLoadWork(const Package& package, const ReleasePlan& plan,
                                      const std::string& run_id) {
  LoadWork work;
  work.run_id = run_id;
  WorkBuilder builder(work);
  for (const PlannedBundle& planned : plan.bundles) {
    RETURN_IF_ERROR(builder.Add(package.bundles[planned.bundle], planned.names));
  }
  v1::LoadStart start;
  *start.mutable_images() = {work.images.begin(), work.images.end()};
  if (start.ByteSizeLong() > kMaxMessageBytes - kKiB) {
    return absl::ResourceExhaustedError(
        absl::StrCat(package.path, ": the manifests of its ", work.images.size(), " images have ",
                     start.ByteSizeLong(), " bytes, at most ", kMaxMessageBytes - kKiB,
                     " can be loaded at once; name fewer releases"));
  }
  return work;
}

uint64_t DistinctBytes(const LoadWork& work) {
  uint64_t bytes = 0;
  for (const auto& [digest, blob] : work.blobs) bytes += blob.size;
  return bytes;
}

uint64_t DistinctBytes(const LoadWork& work, const NodeEndpoint& node) {
  if (node.spared.empty()) return DistinctBytes(work);
  std::map<std::string, uint64_t> sizes;
  for (const v1::Image* image : ImagesFor(work.images, node)) {
    sizes[image->config().digest()] = image->config().size();
    for (const v1::Layer& layer : image->layers()) {
      sizes[layer.blob().digest()] = layer.blob().size();
    }
  }
  uint64_t bytes = 0;
  for (const auto& [digest, size] : sizes) bytes += size;
  return bytes;
}

}  // namespace lighter
