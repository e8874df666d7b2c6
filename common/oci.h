// The parts of the OCI image spec that both programs need: media types, descriptors, chain IDs, and
// the Docker schema 2 manifest that containerd makes of a docker-archive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/digest.h"

namespace lighter {

inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
// Docker has no media type for zstd; containerd's Apply takes the OCI one.
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;  // bytes
};

// The manifest that containerd's importer would write for this config and these layers: Go's
// compact JSON, keys in the order schemaVersion, mediaType, config, layers, each descriptor as
// mediaType, digest, size (containerd core/images/archive/importer.go).
std::string DockerManifestJson(const Descriptor& config, const std::vector<Descriptor>& layers);

// The same manifest as `docker push` wrote it: indented by three spaces, each descriptor as
// mediaType, size, digest (Docker's schema2.Manifest; relok8s internal/canonical_docker_image.go).
// Where an image was pushed by Docker these are the registry's own bytes, so that a pinned digest
// is right again.
std::string DockerPushManifestJson(const Descriptor& config, const std::vector<Descriptor>& layers);

// Chain IDs of the layers' diffIDs, lowest first: chain[0] = diff[0],
// chain[i] = sha256(chain[i-1] + " " + diff[i]) (OCI image spec, config.md, "Layer ChainID").
std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids);

}  // namespace lighter
