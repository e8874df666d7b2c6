// `lighter agent install --lift-taint KEY`: what agents need beyond themselves to take a startup
// taint off their nodes. Pure: nothing is asked and nothing is applied here.
//
// A second container of the agents' pods does it, with a token of its own service account. `patch
// nodes` says nothing about which node and what of it, so a ValidatingAdmissionPolicy limits that
// account to taints with KEY of the very node that the token's pod runs on.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace lighter {

// The name of each of these objects: service account, cluster role and its binding, policy and its
// binding.
inline constexpr char kLiftName[] = "lighter-lift-taint";

// InvalidArgument, with the cause, where `key` is no taint's key, or one of Kubernetes' own, which
// its controllers put on and take off.
absl::Status CheckTaintKey(const std::string& key);

struct LiftObjects {
  // The cluster role first: where it is not there, none of these objects is.
  std::vector<nlohmann::json> limits;
  nlohmann::json grant;  // what makes the rights count; only once all limits are there
};
LiftObjects MakeLiftObjects(const std::string& key);

// Adds to a pod of an agent what lifts the taint: the second container, started as the first one
// is, the only one with the token; and the file by which the agent tells it.
void AddLiftContainer(const std::string& key, nlohmann::json& pod);

}  // namespace lighter
