// `--place PATTERN=SELECTOR`: the operator's own word on which nodes an image goes to.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/cluster/cluster.h"
#include "coordinator/naming/rendered_pods.h"

namespace lighter {

struct PlaceRule {
  std::string text;     // as it was given, for messages
  std::string pattern;  // of names, with * and ?
  // The nodes: those named, or those whose labels meet all requirements; every node where there
  // are neither.
  std::set<std::string> nodes;
  std::vector<NodeRequirement> labels;
};

// "PATTERN=SELECTOR", or "all" for "*=all". SELECTOR is a label selector as `kubectl get -l` takes
// it ("gpu=true", "zone in (a,b)", "!node-role.kubernetes.io/control-plane"), "node:NAME,NAME", or
// "all". InvalidArgument says what is wrong.
absl::StatusOr<PlaceRule> ParsePlaceRule(const std::string& text);

// Whether the rule means an image of this name (normalised): the pattern matches it, or its end
// after a "/", each with or without tag and digest.
bool MeansName(const PlaceRule& rule, const std::string& name);

bool MeansNode(const PlaceRule& rule, const Node& node);

}  // namespace lighter
