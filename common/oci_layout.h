// Reads an images.tar that is an OCI image layout (oci-layout, index.json, blobs/sha256/...), as
// skopeo, `docker buildx -o type=oci` and `ctr images export` write it.
#pragma once

#include "absl/status/statusor.h"
#include "common/archive_entries.h"
#include "common/image_archive.h"

namespace lighter {

// The images that index.json leads to, each with the manifest that is stored there: its digest is
// the registry's own. Names are io.containerd.image.name, else org.opencontainers.image.ref.name
// where that is more than a tag.
//
// Of an index of several platforms the one linux image counts whose blobs are all in the archive;
// attestations, and what is no container image (charts, signatures), do not. Unimplemented where an
// index has more than one such image, with their architectures; NotFound for a blob that is
// missing, DataLoss for one that is not what its digest or size says; InvalidArgument for damaged
// JSON.
absl::StatusOr<ImageArchive> ReadOciLayout(const ArchiveEntries& entries);

// All images that are whole in the layout, of every platform and without names: for an archive
// whose manifest.json says what its images are. What cannot be read is left out.
std::vector<ArchiveImage> WholeImages(const ArchiveEntries& entries);

}  // namespace lighter
