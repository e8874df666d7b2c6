// Reads an images.tar in place: a docker-archive, as charts-syncer and `docker save` write it, or
// an OCI image layout (see oci_layout.h).
//
// Nothing is extracted: each config and layer is known by its offset in the file. Small JSON
// entries are read and checked; layer bytes are not read here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/oci.h"
#include "common/tar_index.h"

namespace lighter {

// The bytes of a blob inside the package.
struct StoredBlob {
  Digest digest;        // of these stored bytes, as the entry's name or the config says
  uint64_t offset = 0;  // absolute in the file
  uint64_t size = 0;    // bytes
  std::string entry;    // the tar entry, for messages
};

struct ArchiveLayer {
  StoredBlob blob;
  std::string media_type;  // gzip, zstd or plain tar; of a docker-archive by the first bytes
  Digest diff_id;
};

struct ArchiveImage {
  std::vector<std::string> repo_tags;  // as the archive spells them; empty for RepoTags null
  StoredBlob config;
  std::vector<ArchiveLayer> layers;  // lowest first
  std::string manifest;              // see ReadImageArchive
  Digest manifest_digest;
  std::string manifest_media_type;
  std::string architecture;  // from the config, e.g. "amd64"
  std::string os;            // "linux"
};

struct ImageArchive {
  std::vector<ArchiveImage> images;  // in the order of manifest.json
};

// Reads manifest.json and all configs; of an archive without one the layout's index.json. Of a
// manifest.json an image's manifest is the one that a layout in the same archive has for just these
// blobs; else containerd's (DockerManifestJson), and that of an image without a name, which was
// saved by digest, Docker's (DockerPushManifestJson). Config bytes are hashed
// and must match their name. Errors (InvalidArgument, DataLoss, Unimplemented) name `what`, the
// entry and, where it helps, the offset.
absl::StatusOr<ImageArchive> ReadImageArchive(const ReadableFile& file, TarRange range,
                                              const std::string& what);

}  // namespace lighter
