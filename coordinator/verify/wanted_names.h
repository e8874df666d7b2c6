// Under which names the pods of a revision of a release ask for images, and for which, without its
// package.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/helm/helm.h"
#include "coordinator/naming/rendered_pods.h"
#include "coordinator/plan/start_problems.h"
#include "lighter/v1/desired.pb.h"

namespace lighter {

// What the desired list says of a name: the nodes that every one of its entries spares.
struct ListedSpared {
  std::set<std::string> nodes;
  bool is_chosen = false;  // by the operator, not by the pods
};

struct WantedNames {
  std::map<std::string, NameUse> uses;  // by normalised name
  // What the cluster's desired list holds under the name; names that it does not hold are not here.
  std::map<std::string, v1::DesiredImage> held;
  RenderedPods pods;  // of the revision's manifests
  // Nodes that need not have the name by the desired list; names that every node must are not here.
  std::map<std::string, ListedSpared> spared;
  bool is_listed = false;          // the list has an entry for the release, or for its chart alone
  std::vector<std::string> notes;  // for people
};

// The names of the revision's own manifests; those in its arguments that the list holds; and what
// the list holds for this release and the chart's version, for pods that somebody makes later.
// Errors are those of RenderedImages.
absl::StatusOr<WantedNames> FindWantedNames(const Release& release, const StoredRevision& revision,
                                            const v1::Desired& list);

// Sets for each use the nodes on which nobody asks for the name: by the pods of the revision and
// the nodes' labels and taints of today, which may be others than at the load; by the list where no
// pod has the name, or where the operator chose.
void PlaceNames(const NodeSelection& nodes, WantedNames& wanted);

// The entry of the list that holds the images of a release of this chart: its own, or else that of
// the chart alone, which it may have been installed from. Null where there is none.
const v1::DesiredRelease* FindEntry(const v1::Desired& list, const Release& release,
                                    const std::string& chart);

}  // namespace lighter
