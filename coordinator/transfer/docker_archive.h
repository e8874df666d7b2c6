// A load's images as one docker-archive, under their target names: for `docker load`, `ctr images
// import`, `skopeo copy docker-archive:`, and the images folder of k3s and RKE2.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/transfer/load.h"

namespace lighter {

// manifest.json: of each image its config, names and layers. Names that pin a digest are left out:
// the format has no place for them.
std::string DockerArchiveManifest(const LoadWork& work);

// Those names.
std::vector<std::string> UnwritableNames(const LoadWork& work);

// Takes the archive's bytes in order; its error ends the writing.
using ByteSink = std::function<absl::Status(std::string_view)>;

// Each blob once, as it lies in the package, and checked on the way: DataLoss, with the entry,
// where its bytes are not what its digest says. Cancelled after a stop signal; errors of the
// package's files; FailedPrecondition where one of them changed meanwhile.
absl::Status WriteDockerArchive(const LoadWork& work, const ByteSink& sink);

}  // namespace lighter
