// Reading what kubectl prints with -o json. Unknown and missing fields are tolerated; a wrong shape
// is not.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace lighter {

// The value at `path` below `object`, or null; never throws.
const nlohmann::json& At(const nlohmann::json& object, std::initializer_list<const char*> path);

// The text at `path`, or "" where there is none.
std::string Text(const nlohmann::json& object, std::initializer_list<const char*> path);

// The items of a list that `kubectl get WHAT` printed. Internal where `text` is not such a list.
absl::StatusOr<nlohmann::json> Items(const std::string& text, const std::string& what);

// Whether status.conditions has `type` with status "True".
bool HasTrueCondition(const nlohmann::json& object, const std::string& type);

// Why a pod's first container that does not run does not; else the pod's own reason; else "".
std::string WaitingReason(const nlohmann::json& pod);

// Where agents listen, unless a pod of theirs says otherwise.
inline constexpr int kAgentPort = 7443;

// Where each agent serves its node, and nobody else, as a registry.
inline constexpr char kNodeRegistry[] = "127.0.0.1:7444";

// The second container of an agent's pod that takes a startup taint off its node, and the argument
// with the taint's key.
inline constexpr char kLiftContainer[] = "lift-taint";
inline constexpr char kLiftKeyFlag[] = "--key=";

// The key of the taint that an agent's pod takes off; empty where it takes none.
std::string LiftedTaint(const nlohmann::json& pod);

// The container port named "grpc" of a pod; an agent's default where there is none.
int GrpcPort(const nlohmann::json& pod);

// "10.0.0.5:7443", "[fd00::5]:7443".
std::string HostPort(const std::string& host, int port);

}  // namespace lighter
