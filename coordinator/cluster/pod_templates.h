// The pods that a workload's controller would make of its template.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace lighter {

struct TemplatePod {
  std::string owner;   // "Deployment/web"
  nlohmann::json pod;  // as its controller would ask for it, but for the name
};

// The pod that `workload` stands for: a Pod itself, or one of a Deployment, StatefulSet, DaemonSet,
// ReplicaSet, ReplicationController, Job or CronJob. Nothing where it is none of these, or damaged.
// A StatefulSet's pod has the volumes of its claims, and every pod an owner, as controllers set it:
// policies tell such pods from naked ones.
std::optional<TemplatePod> PodOfTemplate(const nlohmann::json& workload);

}  // namespace lighter
