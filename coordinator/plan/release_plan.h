// Which bundle goes to which release of the cluster, with which values, and so under which names.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/digest.h"
#include "coordinator/cluster/crds.h"
#include "coordinator/cluster/owners.h"
#include "coordinator/cluster/pod_admission.h"
#include "coordinator/helm/helm.h"
#include "coordinator/naming/image_uses.h"
#include "coordinator/naming/registry_changes.h"
#include "coordinator/naming/relocation.h"
#include "coordinator/naming/rendered_images.h"
#include "coordinator/naming/rendered_pods.h"
#include "coordinator/naming/target_names.h"
#include "coordinator/package/package.h"

namespace lighter {

// A name that the release's objects ask for and no image of the package covers.
struct UncoveredImage {
  std::string name;  // as they spell it
  ImageUser user;
  bool is_allowed = false;  // --allow-missing
  bool is_present = false;  // every node has an image of that very name; see MarkPresent
};

// A bundle with everything Helm needs for it. Paths lie in the run folder.
struct PlannedBundle {
  size_t bundle = 0;  // index into Package::bundles
  // Name empty: no release; the images are only to be loaded. Revision 0: to be installed.
  Release release;
  std::string installed_version;  // chart version that runs now; empty without a release
  std::string chart_dir;          // the extracted chart
  std::string values_backup;      // what the user set so far; empty where nothing is installed
  nlohmann::json relocated;       // values that put the images under another registry; null: none
  // Of the backup, and of all values together; zero where they are not known.
  Digest backup_digest;
  Digest merged_digest;
  // The backup, the relocated values, then the user's flags: one list for every helm call.
  ValueArgs values;
  NamingResult names;
  // How pods of the release pull, by normalised name; other names are in no pod of it.
  std::map<std::string, PodPulls> pulls;
  RenderedPods pods;              // none where nothing was rendered
  std::vector<DeniedPod> denied;  // workloads whose pods the cluster would not admit
  std::vector<UncoveredImage> uncovered;
  // What runs now, as Helm keeps it; revision 0 where nothing does, or it could not be read.
  StoredRevision running;
  std::vector<RegistryChange> registry_changes;  // against it, that nobody asked for
  std::optional<ReleaseOwner> owner;             // who upgrades it; empty: we do
  std::string crds;                              // of the chart's crds/, YAML; empty: none
  std::vector<CrdDifference> crd_changes;        // what of them the cluster has otherwise
};

struct SkippedBundle {
  size_t bundle = 0;
  std::string cause;
};

struct ReleasePlan {
  std::vector<PlannedBundle> bundles;  // in the order in which Helm is run
  std::vector<SkippedBundle> skipped;
};

struct ReleaseQuery {
  std::string release;  // empty: every release of the package's charts
  std::string ns;       // empty: any
  ValueArgs values;     // the user's -f and --set flags
  // Charts whose releases go first, in this order; the others follow in that of the package.
  std::vector<std::string> order;
  bool apply_crds = false;  // an upgrade applies the charts' CRDs before Helm
  Relocation relocation;
  std::vector<std::string> allow_missing;     // names that may lack an image
  std::vector<std::string> allow_registries;  // that images may come from, unasked
  bool with_cluster = true;
  // Bundles whose chart has no release in the whole cluster: planned for loading (true), unless
  // `release` is set, or skipped (false). One whose releases are others than those asked for is
  // always skipped.
  bool without_release = false;
  // Bundles whose chart has no release in the whole cluster are to be installed into `ns`: as
  // `release`, where no bundle has one of that name, else under their chart's name.
  bool install = false;
  // What admission makes of the pods that are rendered for that namespace; empty: nobody is asked.
  std::function<PodAdmission(const std::string& ns, const std::string& manifests)> admit;
};

// Extracts charts and values backups below `folder`. `helm` may be null when no bundle has a chart,
// or there is no cluster, no value flag and no relocation: then images keep the names that they
// have in the archive.
// Errors: NotFound (a release, or a namespace of releases, was named and there is none of these
// charts), FailedPrecondition (two releases of one chart and none named, a name that two images
// claim), Helm's own; those of PlanArchives where no bundle has a chart.
absl::StatusOr<ReleasePlan> PlanReleases(const Package& package, const ReleaseQuery& query,
                                         const Helm* helm, const std::string& folder);

}  // namespace lighter
