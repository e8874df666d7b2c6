#include "coordinator/plan/pod_fit.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lighter {
namespace {

using Labels = std::map<std::string, std::string>;

bool Contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// api/core/v1/well_known_taints.go, cloud-provider/api/well_known_taints.go; what autoscalers and
// network or storage plugins put on a node that starts or goes.
bool IsTransient(const std::string& key) {
  constexpr std::array<const char*, 8> kKeys = {
      "node.kubernetes.io/not-ready",           "node.kubernetes.io/unreachable",
      "node.kubernetes.io/unschedulable",       "node.kubernetes.io/memory-pressure",
      "node.kubernetes.io/disk-pressure",       "node.kubernetes.io/pid-pressure",
      "node.kubernetes.io/network-unavailable", "node.kubernetes.io/out-of-service"};
  constexpr std::array<const char*, 5> kPrefixes = {
      "node.cloudprovider.kubernetes.io/", "startup-taint.cluster-autoscaler.kubernetes.io/",
      "ignore-taint.cluster-autoscaler.kubernetes.io/", "ToBeDeletedByClusterAutoscaler",
      "DeletionCandidateOfClusterAutoscaler"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](const char* prefix) { return absl::StartsWith(key, prefix); }) ||
         absl::EndsWith(key, "/agent-not-ready");
}

bool IsAbove(const std::string& left, const std::string& right) {
  int64_t a = 0;
  int64_t b = 0;
  return absl::SimpleAtoi(left, &a) && absl::SimpleAtoi(right, &b) && a > b;
}

// api/core/v1/toleration.go, ToleratesTaint; Gt and Lt count as if their feature gate were on.
bool Tolerates(const Toleration& toleration, const Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  if (toleration.op == "Exists") return true;
  if (toleration.op == "Gt") return IsAbove(taint.value, toleration.value);
  if (toleration.op == "Lt") return IsAbove(toleration.value, taint.value);
  return (toleration.op.empty() || toleration.op == "Equal") && toleration.value == taint.value;
}

// A term's matchFields; the API knows the field metadata.name, with In or NotIn of one value.
bool MatchesField(const NodeRequirement& requirement, const Node& node) {
  if (requirement.key != "metadata.name" || requirement.values.size() != 1) return false;
  const bool is_it = requirement.values[0] == node.name;
  return requirement.op == "In" ? is_it : requirement.op == "NotIn" && !is_it;
}

bool MatchesTerm(const NodeTerm& term, const Node& node) {
  if (term.labels.empty() && term.fields.empty()) return false;
  return std::all_of(term.labels.begin(), term.labels.end(),
                     [&](const NodeRequirement& r) { return Matches(r, node.labels); }) &&
         std::all_of(term.fields.begin(), term.fields.end(),
                     [&](const NodeRequirement& r) { return MatchesField(r, node); });
}

std::string Describe(const std::vector<NodeTerm>& terms) {
  return absl::StrJoin(terms, " or ", [](std::string* out, const NodeTerm& term) {
    std::vector<std::string> words;
    for (const auto* list : {&term.labels, &term.fields}) {
      for (const NodeRequirement& r : *list) {
        words.push_back(absl::StrCat(
            r.key, " ", r.op,
            r.values.empty() ? "" : absl::StrCat(" (", absl::StrJoin(r.values, ", "), ")")));
      }
    }
    absl::StrAppend(out, absl::StrJoin(words, " and "));
  });
}

std::string WhyTainted(const PodConstraints& pod, const Node& node) {
  if (pod.tolerates_all) return "";
  for (const Taint& taint : node.taints) {
    if (taint.effect != "NoSchedule" && taint.effect != "NoExecute") continue;
    if (IsTransient(taint.key)) continue;
    const bool is_tolerated =
        std::any_of(pod.tolerations.begin(), pod.tolerations.end(),
                    [&](const Toleration& toleration) { return Tolerates(toleration, taint); });
    if (is_tolerated) continue;
    return absl::StrCat("taint ", taint.key, taint.value.empty() ? "" : "=" + taint.value, ":",
                        taint.effect);
  }
  return "";
}

}  // namespace

bool Matches(const NodeRequirement& requirement, const Labels& labels) {
  const auto label = labels.find(requirement.key);
  const bool exists = label != labels.end();
  const std::string& op = requirement.op;
  const std::vector<std::string>& values = requirement.values;
  if (op == "Exists") return exists && values.empty();
  if (op == "DoesNotExist") return !exists && values.empty();
  if (op == "In") return exists && Contains(values, label->second);
  if (op == "NotIn") return !values.empty() && (!exists || !Contains(values, label->second));
  if (!exists || values.size() != 1) return false;
  if (op == "Gt") return IsAbove(label->second, values[0]);
  return op == "Lt" && IsAbove(values[0], label->second);
}

std::string WhyNotOn(const PodConstraints& pod, const Node& node) {
  // It skips the scheduler, and with it all that follows.
  if (!pod.node_name.empty()) {
    return pod.node_name == node.name ? "" : "nodeName " + pod.node_name;
  }
  for (const auto& [key, value] : pod.node_selector) {
    const auto label = node.labels.find(key);
    if (label != node.labels.end() && label->second == value) continue;
    return absl::StrCat("nodeSelector ",
                        absl::StrJoin(pod.node_selector, ",", absl::PairFormatter("=")));
  }
  if (pod.affinity.has_value() &&
      std::none_of(pod.affinity->begin(), pod.affinity->end(),
                   [&](const NodeTerm& term) { return MatchesTerm(term, node); })) {
    return "node affinity " + Describe(*pod.affinity);
  }
  return WhyTainted(pod, node);
}

}  // namespace lighter
