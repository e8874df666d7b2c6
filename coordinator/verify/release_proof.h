// Whether the pods of a release would start on every node from what is there: what the nodes answer
// about its names, judged. Pure: nothing is asked here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/plan/kubelet_config.h"
#include "coordinator/plan/node_plan.h"
#include "coordinator/verify/wanted_names.h"

namespace lighter {

// Something about one name, or about nodes where `name` is empty.
struct ProofProblem {
  // For scripts: "E-IMAGE-MISSING", "E-IMAGE-BROKEN", "E-IMAGE-OTHER", "E-IMAGE-DIFFERS", or that
  // of a StartRisk.
  std::string code;
  std::string name;
  std::vector<std::string> nodes;
  std::string cause;
  std::string remedy;
  bool blocks = false;  // else it is worth a note

  // "E-IMAGE-MISSING: NAME on node1, node2: cause; way out".
  std::string Describe() const;
};

struct ReleaseProof {
  std::vector<std::string> names;      // those that were asked about, in order
  std::vector<ProofProblem> problems;  // images first, then how kubelets start
  bool is_lighters = false;            // lighter brought any of it

  // Names without a problem that blocks.
  size_t proven_names() const;
  bool proven() const { return proven_names() == names.size(); }
};

struct ProofQuery {
  std::string chart;                 // "quayside 0.2.0": whose package brings the images
  std::vector<std::string> allowed;  // normalised names whose pulls somebody else answers
  // Every name has to be there. Else, of a release of which lighter brought nothing, what is
  // missing is only a note: its nodes may well reach a registry.
  bool is_strict = false;
};

// Looks at the nodes that answered. A name must be the image that the desired list holds under it;
// where that holds none, one and the same on all nodes. `kubelets`: those that could be asked.
ReleaseProof JudgeRelease(const WantedNames& wanted, const std::vector<NodePlan>& nodes,
                          const std::map<std::string, KubeletConfig>& kubelets,
                          const ProofQuery& query);

}  // namespace lighter
