// The pods that rendered manifests make, and where each says that it can run.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lighter {

// A NodeSelectorRequirement of the Kubernetes API, of a label or of the field metadata.name.
struct NodeRequirement {
  std::string key;
  std::string op;  // "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"
  std::vector<std::string> values;
};

// All of them must hold; a term without any holds nowhere.
struct NodeTerm {
  std::vector<NodeRequirement> labels;
  std::vector<NodeRequirement> fields;
};

struct Toleration {
  std::string key;  // empty: of every taint
  std::string op;   // "Exists", "Equal" (empty: the same), "Gt", "Lt"
  std::string value;
  std::string effect;  // empty: any
};

// What a pod spec says of the nodes that its pods can run on.
struct PodConstraints {
  std::string node_name;
  std::map<std::string, std::string> node_selector;
  // requiredDuringSchedulingIgnoredDuringExecution: one of them must hold; nothing: no such
  // affinity.
  std::optional<std::vector<NodeTerm>> affinity;
  std::vector<Toleration> tolerations;
  // Its tolerations are not all here: its RuntimeClass or its own scheduler may have more.
  bool tolerates_all = false;
};

// One pod template, or pod.
struct RenderedPod {
  std::string workload;          // "Deployment ai/model-server"
  std::set<std::string> images;  // normalised; names that cannot be read are left out
  PodConstraints constraints;
  // Helm waits until its pods are ready: it has replicas, and is no DaemonSet, CronJob, test, ...
  bool is_awaited = false;
};

struct RenderedPods {
  std::vector<RenderedPod> pods;
  // Names that stand anywhere else: arguments, environment, custom resources, pod templates in
  // objects of kinds that are not Kubernetes' own. Somebody may make pods of them that run
  // anywhere. Normalised.
  std::set<std::string> elsewhere;
};

// Reads a multi-document YAML stream. `ns`: of objects that name none. Errors are those of
// RenderedImages.
absl::StatusOr<RenderedPods> FindRenderedPods(std::string_view manifests, const std::string& ns);

}  // namespace lighter
