// The images of a request, checked: nothing of what a coordinator says goes further unparsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/digest.h"
#include "common/oci.h"
#include "common/reference.h"
#include "lighter/v1/agent.pb.h"

namespace lighter {

struct CheckedLayer {
  Descriptor blob;
  Digest diff_id;
  Digest chain_id;  // of this layer and all below it
};

struct CheckedImage {
  std::string label;     // for messages: the first name, or the manifest's digest
  std::string manifest;  // the bytes
  Descriptor target;     // of the manifest
  Descriptor config;
  std::vector<CheckedLayer> layers;  // lowest first
  std::vector<Reference> names;

  // The snapshot that containers start from; nullopt for an image without layers.
  std::optional<Digest> top_chain_id() const {
    return layers.empty() ? std::nullopt : std::optional(layers.back().chain_id);
  }
};

// Checks digests, sizes and counts; that the manifest's bytes have its digest and list exactly this
// config and these layers; that one digest
// has one size; that there are names, normalised, listed once, and, where they pin a digest, pin
// this image's. InvalidArgument names the image and what is wrong.
absl::StatusOr<std::vector<CheckedImage>> CheckImages(
    const google::protobuf::RepeatedPtrField<v1::Image>& images);

// Checks that names that are asked about alone are normalised, and how many they are.
// InvalidArgument names the one that is not.
absl::StatusOr<std::vector<Reference>> CheckLoneNames(
    const google::protobuf::RepeatedPtrField<std::string>& names);

// Checks that the stored config is one of `image`: its rootfs.diff_ids are those of the layers.
// InvalidArgument otherwise.
absl::Status CheckConfig(const CheckedImage& image, const std::string& config);

}  // namespace lighter
