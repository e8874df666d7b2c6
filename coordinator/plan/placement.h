// Which nodes an image goes to: those where a pod that uses it can run, or those that the operator
// says (place_rules.h). Pure: nothing is asked here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/naming/rendered_pods.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/plan/place_rules.h"
#include "coordinator/plan/release_plan.h"

namespace lighter {

// Of an image that does not go to every node.
struct ImagePlacement {
  std::set<std::string> spared;  // the nodes that it does not go to; those left out count, too
  std::set<std::string> causes;  // "nodeSelector gpu=true of Deployment ai/model-server"
  bool is_chosen = false;        // by --place
};

// Pods that no node takes.
struct NowherePods {
  std::string workload;
  std::string cause;
  bool blocks = false;  // Helm would wait for them in vain

  // "E-PLACE-NOWHERE: ...", with the way out.
  std::string Describe() const;
};

struct Placement {
  std::map<std::string, ImagePlacement> images;  // by manifest digest
  std::vector<NowherePods> nowhere;
  std::vector<std::string> notes;  // for people
};

// The names of an image, normalised.
struct ImageNames {
  std::set<std::string> targets;  // that hints or rendered manifests give it
  std::set<std::string> sources;  // that it has in the archive
};

// By manifest digest.
std::map<std::string, ImageNames> NamesOfImages(const Package& package, const ReleasePlan& plan);

// The pods of all releases together.
RenderedPods PodsOf(const ReleasePlan& plan);

// An image goes everywhere that has no pods, or a target name that no pod asks for, or one that
// stands outside a pod's own `image` fields: somebody may make pods of it that run anywhere. Of
// several rules that mean an image the last one counts. UsageError, with the rule, where one means
// no image, or no node that takes part.
absl::StatusOr<Placement> PlaceImages(const std::map<std::string, ImageNames>& images,
                                      const RenderedPods& pods, const std::vector<PlaceRule>& rules,
                                      const NodeSelection& nodes);

// The same for names of which nothing else is known: `images` of the result is by name.
Placement PlaceNamesAlone(const std::set<std::string>& names, const RenderedPods& pods,
                          const NodeSelection& nodes);

// Tells each node's endpoint which images it is spared.
void Apply(const Placement& placement, NodeSelection& nodes);

// Those that take part and that the image goes to, once Apply has told them.
std::vector<std::string> NodesOf(const std::string& manifest_digest, const NodeSelection& nodes);

// FailedPrecondition, with all that block, where Helm would wait for pods that no node takes.
absl::Status CheckPlaced(const Placement& placement);

}  // namespace lighter
