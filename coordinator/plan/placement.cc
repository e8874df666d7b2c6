#include "coordinator/plan/placement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/status.h"
#include "common/usage_error.h"
#include "coordinator/plan/pod_fit.h"

namespace lighter {
namespace {

using Nodes = std::set<std::string>;

std::vector<const Node*> AllNodes(const NodeSelection& selection) {
  std::vector<const Node*> nodes;
  for (const NodePlan& node : selection.nodes) nodes.push_back(&node.node);
  for (const LeftOutNode& node : selection.left_out) nodes.push_back(&node.node);
  return nodes;
}

Nodes Both(const Nodes& a, const Nodes& b) {
  Nodes both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
  return both;
}

// The nodes that cannot take pods of one template, with the causes.
struct Misfit {
  Nodes nodes;
  std::set<std::string> causes;
};

Misfit FindMisfit(const RenderedPod& pod, const std::vector<const Node*>& nodes) {
  Misfit misfit;
  for (const Node* node : nodes) {
    std::string cause = WhyNotOn(pod.constraints, *node);
    if (cause.empty()) continue;
    misfit.nodes.insert(node->name);
    misfit.causes.insert(std::move(cause));
  }
  return misfit;
}

absl::Status RuleError(const PlaceRule& rule, const std::string& cause) {
  return UsageError(
      absl::InvalidArgumentError(absl::StrCat("--place ", OneLine(rule.text), ": ", cause)));
}

// One placing of all images.
class Placer {
 public:
  Placer(const std::map<std::string, ImageNames>& images, const RenderedPods& pods,
         const std::vector<PlaceRule>& rules, const NodeSelection& selection)
      : images_(images),
        pods_(pods),
        rules_(rules),
        selection_(selection),
        nodes_(AllNodes(selection)) {
    for (const RenderedPod& pod : pods.pods) misfits_.push_back(FindMisfit(pod, nodes_));
  }

  absl::StatusOr<Placement> Run();

 private:
  absl::Status CheckRule(const PlaceRule& rule) const;
  const PlaceRule* RuleFor(const ImageNames& names) const;
  std::vector<size_t> UsersOf(const ImageNames& names) const;
  ImagePlacement ByPods(const ImageNames& names) const;
  ImagePlacement ByRule(const PlaceRule& rule, const ImageNames& names);
  void FindAway();
  void FindNowhere();

  const std::map<std::string, ImageNames>& images_;
  const RenderedPods& pods_;
  const std::vector<PlaceRule>& rules_;
  const NodeSelection& selection_;
  const std::vector<const Node*> nodes_;
  std::vector<Misfit> misfits_;  // of each of the pods
  std::set<size_t> chosen_;      // pods with an image that a rule means
  Placement placement_;
};

bool Means(const PlaceRule& rule, const ImageNames& names) {
  for (const auto* list : {&names.targets, &names.sources}) {
    for (const std::string& name : *list) {
      if (MeansName(rule, name)) return true;
    }
  }
  return false;
}

absl::Status Placer::CheckRule(const PlaceRule& rule) const {
  const bool has_image = std::any_of(images_.begin(), images_.end(),
                                     [&](const auto& image) { return Means(rule, image.second); });
  if (!has_image && rule.pattern != "*") {
    return RuleError(rule, "no image of this plan has such a name");
  }
  for (const std::string& name : rule.nodes) {
    const bool is_there = std::any_of(nodes_.begin(), nodes_.end(),
                                      [&](const Node* node) { return node->name == name; });
    if (!is_there) return RuleError(rule, "this cluster has no node " + name);
  }
  const bool has_node =
      std::any_of(selection_.nodes.begin(), selection_.nodes.end(),
                  [&](const NodePlan& node) { return MeansNode(rule, node.node); });
  if (has_node) return absl::OkStatus();
  return RuleError(rule,
                   "no node that takes part is meant; `kubectl get nodes --show-labels` shows what "
                   "they have");
}

const PlaceRule* Placer::RuleFor(const ImageNames& names) const {
  const auto it = std::find_if(rules_.rbegin(), rules_.rend(),
                               [&](const PlaceRule& rule) { return Means(rule, names); });
  return it == rules_.rend() ? nullptr : &*it;
}

std::vector<size_t> Placer::UsersOf(const ImageNames& names) const {
  std::vector<size_t> users;
  for (size_t i = 0; i < pods_.pods.size(); ++i) {
    if (!Both(pods_.pods[i].images, names.targets).empty()) users.push_back(i);
  }
  return users;
}

ImagePlacement Placer::ByPods(const ImageNames& names) const {
  if (!Both(pods_.elsewhere, names.targets).empty()) return {};
  Nodes asked_for;
  const std::vector<size_t> users = UsersOf(names);
  for (const size_t i : users) {
    asked_for.insert(pods_.pods[i].images.begin(), pods_.pods[i].images.end());
  }
  if (users.empty() || Both(asked_for, names.targets) != names.targets) return {};
  ImagePlacement placement;
  placement.spared = misfits_[users[0]].nodes;
  for (const size_t i : users) placement.spared = Both(placement.spared, misfits_[i].nodes);
  for (const size_t i : users) {
    for (const std::string& cause : misfits_[i].causes) {
      placement.causes.insert(absl::StrCat(cause, " of ", pods_.pods[i].workload));
    }
  }
  return placement;
}

ImagePlacement Placer::ByRule(const PlaceRule& rule, const ImageNames& names) {
  ImagePlacement placement;
  placement.is_chosen = true;
  placement.causes = {"--place " + rule.text};
  for (const Node* node : nodes_) {
    if (!MeansNode(rule, *node)) placement.spared.insert(node->name);
  }
  for (const size_t i : UsersOf(names)) {
    chosen_.insert(i);
    std::vector<std::string> also;
    for (const NodePlan& node : selection_.nodes) {
      const std::string& name = node.node.name;
      if (placement.spared.contains(name) && !misfits_[i].nodes.contains(name)) {
        also.push_back(name);
      }
    }
    if (also.empty()) continue;
    placement_.notes.push_back(absl::StrCat(
        "N-PLACE-PODS: pods of ", pods_.pods[i].workload, " can run on ", absl::StrJoin(also, ", "),
        ", too, and --place ", rule.text,
        " keeps their image away from there; a pod that Kubernetes puts there does not start. A "
        "nodeSelector in the release's values keeps the pods away"));
  }
  return placement;
}

void Placer::FindAway() {
  for (size_t i = 0; i < pods_.pods.size(); ++i) {
    const Nodes& misfit = misfits_[i].nodes;
    std::vector<std::string> away;
    for (const LeftOutNode& node : selection_.left_out) {
      if (!misfit.contains(node.name))
        away.push_back(absl::StrCat(node.name, " (", node.cause, ")"));
    }
    const bool is_here =
        std::any_of(selection_.nodes.begin(), selection_.nodes.end(),
                    [&](const NodePlan& node) { return !misfit.contains(node.node.name); });
    if (is_here || away.empty() || chosen_.contains(i)) continue;
    placement_.notes.push_back(absl::StrCat(
        "N-PLACE-AWAY: pods of ", pods_.pods[i].workload,
        " can run only on nodes that are left out: ", absl::StrJoin(away, "; "),
        ". Images that only they use go to no node, and Helm may wait for them in vain; run the "
        "same "
        "command again when such a node takes part, or say --place IMAGE=all, and it fetches them "
        "from the others"));
  }
}

void Placer::FindNowhere() {
  for (size_t i = 0; i < pods_.pods.size(); ++i) {
    if (misfits_[i].nodes.size() < nodes_.size() || nodes_.empty()) continue;
    placement_.nowhere.push_back({.workload = pods_.pods[i].workload,
                                  .cause = absl::StrJoin(misfits_[i].causes, "; "),
                                  .blocks = pods_.pods[i].is_awaited && !chosen_.contains(i)});
  }
}

absl::StatusOr<Placement> Placer::Run() {
  for (const PlaceRule& rule : rules_) RETURN_IF_ERROR(CheckRule(rule));
  for (const auto& [digest, names] : images_) {
    const PlaceRule* rule = RuleFor(names);
    ImagePlacement placement = rule == nullptr ? ByPods(names) : ByRule(*rule, names);
    if (!placement.spared.empty()) placement_.images[digest] = std::move(placement);
  }
  FindAway();
  FindNowhere();
  return std::move(placement_);
}

}  // namespace

std::string NowherePods::Describe() const {
  return absl::StrCat(
      "E-PLACE-NOWHERE: no node of this cluster takes pods of ", workload, " (", cause, ")",
      blocks ? ", and Helm would wait for them in vain; mend the release's values or the nodes' "
               "labels and taints. Where such a node joins by itself: --place IMAGE=all"
             : "");
}

std::map<std::string, ImageNames> NamesOfImages(const Package& package, const ReleasePlan& plan) {
  std::map<std::string, ImageNames> images;
  for (const PlannedBundle& planned : plan.bundles) {
    const auto& archive = package.bundles[planned.bundle].images.images;
    for (const TargetName& target : planned.names.targets) {
      ImageNames& names = images[archive[target.image].manifest_digest.str()];
      if (target.witness != NameWitness::kSource) names.targets.insert(target.name);
      if (!target.source_name.empty()) names.sources.insert(target.source_name);
    }
  }
  return images;
}

RenderedPods PodsOf(const ReleasePlan& plan) {
  RenderedPods all;
  for (const PlannedBundle& planned : plan.bundles) {
    all.pods.insert(all.pods.end(), planned.pods.pods.begin(), planned.pods.pods.end());
    all.elsewhere.insert(planned.pods.elsewhere.begin(), planned.pods.elsewhere.end());
  }
  return all;
}

absl::StatusOr<Placement> PlaceImages(const std::map<std::string, ImageNames>& images,
                                      const RenderedPods& pods, const std::vector<PlaceRule>& rules,
                                      const NodeSelection& nodes) {
  return Placer(images, pods, rules, nodes).Run();
}

Placement PlaceNamesAlone(const std::set<std::string>& names, const RenderedPods& pods,
                          const NodeSelection& nodes) {
  std::map<std::string, ImageNames> images;
  for (const std::string& name : names) images[name].targets = {name};
  return *PlaceImages(images, pods, {}, nodes);  // only rules are refused
}

void Apply(const Placement& placement, NodeSelection& nodes) {
  for (NodePlan& node : nodes.nodes) {
    for (const auto& [digest, image] : placement.images) {
      if (image.spared.contains(node.name)) node.endpoint.spared.insert(digest);
    }
  }
}

std::vector<std::string> NodesOf(const std::string& manifest_digest, const NodeSelection& nodes) {
  std::vector<std::string> found;
  for (const NodePlan& node : nodes.nodes) {
    if (!node.endpoint.spared.contains(manifest_digest)) found.push_back(node.name);
  }
  return found;
}

absl::Status CheckPlaced(const Placement& placement) {
  std::vector<std::string> blocks;
  for (const NowherePods& pods : placement.nowhere) {
    if (pods.blocks) blocks.push_back(OneLine(pods.Describe()));
  }
  if (blocks.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(blocks, "\n"));
}

}  // namespace lighter
