#include "coordinator/plan/name_work.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/printable.h"
#include "common/reference.h"
#include "coordinator/naming/rendered_images.h"

namespace lighter {
namespace {

// Pods that are told by name.
constexpr size_t kMaxPods = 6;

std::string DescribePodsOf(const Plan& plan, const std::string& name) {
  const auto it = plan.pods_of_moved.find(name);
  if (it == plan.pods_of_moved.end()) return "";
  if (it->second.empty()) return "; no pod asks for it now";
  std::vector<std::string> pods(it->second.begin(), it->second.end());
  const size_t untold = pods.size() - std::min(pods.size(), kMaxPods);
  pods.resize(pods.size() - untold);
  return absl::StrCat(
      "; these pods keep what they run until they start anew: ", absl::StrJoin(pods, ", "),
      untold > 0 ? absl::StrCat(" and ", untold, " more") : "");
}

}  // namespace

Digests WantedDigests(const Plan& plan) {
  Digests wanted;
  for (const v1::Image& image : plan.work.images) {
    for (const std::string& name : image.names()) wanted[name] = image.manifest_digest();
  }
  return wanted;
}

NameWork NamesOf(const NodePlan& node, const Digests& wanted) {
  NameWork work;
  for (const v1::NameState& name : node.inventory.names()) {
    const auto it = wanted.find(name.name());
    if (name.proven() || it == wanted.end()) continue;
    if (name.current_manifest_digest().empty()) {
      ++work.create;
    } else if (name.current_manifest_digest() == it->second) {
      ++work.prove;
    } else {
      work.move.push_back(&name);
    }
  }
  return work;
}

std::set<std::string> NamesToMove(const Plan& plan) {
  const Digests wanted = WantedDigests(plan);
  std::set<std::string> names;
  for (const NodePlan& node : plan.nodes.nodes) {
    for (const v1::NameState* name : NamesOf(node, wanted).move) names.insert(name->name());
  }
  return names;
}

std::vector<std::string> MovedUnder(const PlannedBundle& planned,
                                    const std::set<std::string>& moved) {
  std::set<std::string> names;
  const auto running = RenderedImages(planned.running.manifests);
  if (moved.empty() || !running.ok()) return {};
  for (const RenderedImage& image : *running) {
    const absl::StatusOr<Reference> name = Reference::Parse(image.name);
    if (name.ok() && moved.contains(name->str())) names.insert(name->str());
  }
  return {names.begin(), names.end()};
}

bool LeaveTakenNames(Plan& plan) {
  std::set<std::string> taken = NamesToMove(plan);
  for (const PlannedBundle& planned : plan.releases.bundles) {
    const bool has_witnesses = planned.merged_digest != Digest();
    for (const TargetName& target : planned.names.targets) {
      const bool is_spare = has_witnesses && target.witness == NameWitness::kSource;
      if (!is_spare) taken.erase(target.name);
    }
  }
  for (PlannedBundle& planned : plan.releases.bundles) {
    std::erase_if(planned.names.targets,
                  [&taken](const TargetName& target) { return taken.contains(target.name); });
  }
  for (const std::string& name : taken) {
    plan.notes.push_back(
        absl::StrCat("N-NAME-TAKEN: ", name,
                     ": a node has another image of that name, and nothing of the chart asks for "
                     "the package's by it: the name stays as it is, and the image is left out"));
  }
  return !taken.empty();
}

std::string DescribeMoves(const Plan& plan, const Digests& wanted) {
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> moves;  // to the nodes
  for (const NodePlan& node : plan.nodes.nodes) {
    for (const v1::NameState* name : NamesOf(node, wanted).move) {
      moves[{name->name(), name->current_manifest_digest()}].push_back(node.name);
    }
  }
  std::string text;
  for (const auto& [name, nodes] : moves) {
    absl::StrAppend(&text, "moved name: ", name.first, " is ", OneLine(name.second), " on ",
                    absl::StrJoin(nodes, ", "), OneLine(DescribePodsOf(plan, name.first)), "\n");
  }
  return text;
}

}  // namespace lighter
