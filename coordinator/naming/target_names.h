// Decides under which names the images of a bundle must exist on the nodes: the names that the pods
// of this release will ask for. The only place where a name is decided.
//
// The witnesses: hints (a hint evaluated on the chart's own values gives the source name, on the
// merged values the target name, unless its version is another) and the rendered manifests (a
// rendered name that ends, at a path component, with exactly one source's whole name, else its
// path:tag, is that image). A third, where a cluster can be asked, is its admission: the name that
// it writes in a rendered one's place. An image gets all names that any witness gives it: names are
// cheap, a missing one is an outage. One without any witness keeps its source names. An image whose
// name the archive lost (RepoTags null) is known by a hint's digest, or where one such image and
// one unexplained hint are left.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image_archive.h"
#include "coordinator/naming/hints.h"

namespace lighter {

enum class NameWitness { kHint, kRendered, kAdmitted, kSource };

struct TargetName {
  size_t image = 0;         // index into the bundle's images
  std::string source_name;  // normalised name in the archive; empty for RepoTags null
  std::string name;         // normalised target name
  NameWitness witness = NameWitness::kSource;
};

// A rendered name in whose place admission has pods ask for another one.
struct RewrittenName {
  std::string rendered;
  std::string admitted;
};

struct NamingInput {
  std::vector<ArchiveImage> images;
  std::vector<Hint> hints;
  nlohmann::json default_values;            // of the chart alone
  nlohmann::json merged_values;             // as the upgrade will see them
  std::vector<std::string> rendered_names;  // RenderedImages of the rendered manifests
  std::vector<RewrittenName> rewritten_names;
  // MentionedNames of them: names in arguments and the like. One that means an image of the archive
  // by the rule for rendered names is a target of it; others are ignored.
  std::vector<std::string> mentioned_names;
};

struct NamingResult {
  std::vector<TargetName> targets;     // sorted by image, then name; each (image, name) once
  std::vector<std::string> uncovered;  // rendered names that no image covers, as spelled
  // For the operator, each once: hints that could not be evaluated or whose image is not there,
  // names that cannot be, rendered names with several candidates, pins of another digest.
  std::vector<std::string> notes;
};

// What cannot be decided is in `notes` or `uncovered`, nothing is guessed. FailedPrecondition where
// two images claim one target name with different digests.
absl::StatusOr<NamingResult> DecideTargetNames(const NamingInput& input);

}  // namespace lighter
