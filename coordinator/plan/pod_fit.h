// Whether Kubernetes can put a pod on a node, by the node's labels and taints: the rules of the
// scheduler and of the DaemonSet controller, Kubernetes 1.35. What changes by the minute (room,
// other pods, volumes) is left aside: a node counts unless its own description rules it out.
#pragma once

#include <map>
#include <string>

#include "coordinator/cluster/cluster.h"
#include "coordinator/naming/rendered_pods.h"

namespace lighter {

// component-helpers/scheduling/corev1/nodeaffinity; "In" with several values is an or.
bool Matches(const NodeRequirement& requirement, const std::map<std::string, std::string>& labels);

// Why no such pod can run there: "nodeSelector gpu=true", "taint dedicated=ai:NoSchedule"; empty
// where one can. Taints that come and go by themselves rule no node out: not-ready, pressure, a
// cordon (so the tolerations that every DaemonSet has need no look), and the startup taints that
// agents and autoscalers use. Neither does PreferNoSchedule.
std::string WhyNotOn(const PodConstraints& pod, const Node& node);

}  // namespace lighter
