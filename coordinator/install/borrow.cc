#include "coordinator/install/borrow.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/reference.h"

namespace lighter {
namespace {

// KEP-2535: from this minor on kubelet asks for the credentials that an image was pulled with.
constexpr int kPullRecordsMinor = 35;

enum class Evidence { kAgent, kPause, kDaemonSet, kReported, kGuessed };

// The defaults of containerd 1.6, 1.7, 2.0 and 2.1, of kubeadm (which sets its own), k3s and RKE2.
// One of them is on every node that ever ran a pod, and kubelet reports none of them where enough
// larger images are (nodeStatusMaxImages).
constexpr const char* kUsualSandboxImages[] = {
    "registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10",
    "registry.k8s.io/pause:3.9",    "registry.k8s.io/pause:3.8",
    "registry.k8s.io/pause:3.6",    "docker.io/rancher/mirrored-pause:3.6",
};

const char* Words(Evidence evidence) {
  switch (evidence) {
    case Evidence::kAgent:
      return "agents run from it on these nodes";
    case Evidence::kDaemonSet:
      return "a DaemonSet's pods run from it on each of these nodes";
    case Evidence::kPause:
      return "the sandbox image, which every pod needs";
    case Evidence::kReported:
      return "each of these nodes reports it";
    case Evidence::kGuessed:
      return "a guess at the sandbox image, as these nodes tell of none";
  }
  return "";
}

bool IsPause(const std::string& image) {
  return absl::StrContains(image.substr(image.rfind('/') + 1), "pause");
}

bool IsByDigest(const std::string& image) { return absl::StrContains(image, "@"); }

bool KeepsRecords(const SiteNode& node) { return node.kubelet_minor >= kPullRecordsMinor; }

struct Candidate {
  Evidence evidence = Evidence::kAgent;  // the weakest over its nodes
  std::vector<const SiteNode*> nodes;
};

// Better candidates first: more nodes, surer, a tag rather than a digest, then by name.
auto Rank(const std::string& image, const Candidate& candidate) {
  return std::make_tuple(-static_cast<int64_t>(candidate.nodes.size()), candidate.evidence,
                         IsByDigest(image), image);
}

// Pause images that any node of the cluster reports, for the others, and the usual ones.
std::set<std::string> SandboxGuesses(const std::vector<SiteNode>& nodes) {
  std::set<std::string> guesses(std::begin(kUsualSandboxImages), std::end(kUsualSandboxImages));
  for (const SiteNode& node : nodes) {
    for (const std::string& image : node.reported_images) {
      if (IsPause(image) && !IsByDigest(image)) guesses.insert(image);
    }
  }
  return guesses;
}

std::map<std::string, Candidate> Candidates(const std::vector<const SiteNode*>& nodes,
                                            const std::set<std::string>& guesses,
                                            const ImageBans& bans) {
  std::map<std::string, Candidate> candidates;
  const auto add = [&](const std::string& image, const SiteNode& node, Evidence evidence) {
    if (bans.contains({image, node.name})) return;
    if (KeepsRecords(node) && node.credential_images.contains(image)) return;
    Candidate& candidate = candidates[image];
    candidate.evidence = std::max(candidate.evidence, evidence);
    candidate.nodes.push_back(&node);
  };
  for (const SiteNode* node : nodes) {
    if (!node->agent_image.empty()) add(node->agent_image, *node, Evidence::kAgent);
    for (const std::string& image : node->daemonset_images) {
      if (image != node->agent_image) add(image, *node, Evidence::kDaemonSet);
    }
    for (const std::string& image : node->reported_images) {
      if (image == node->agent_image || node->daemonset_images.contains(image)) continue;
      add(image, *node, IsPause(image) ? Evidence::kPause : Evidence::kReported);
    }
  }
  if (!candidates.empty()) return candidates;
  for (const SiteNode* node : nodes) {
    for (const std::string& image : guesses) add(image, *node, Evidence::kGuessed);
  }
  return candidates;
}

// What must be equal within a group, the image aside.
using Place =
    std::tuple<std::string, std::string, std::string, std::string, std::string, std::string>;

Place PlaceOf(const SiteNode& node) {
  return {node.architecture, node.socket,         node.containerd_root,
          node.config_path,  node.refused_folder, node.pull_records};
}

AgentGroup MakeGroup(const std::string& image, std::string evidence, const Place& place,
                     const std::vector<const SiteNode*>& nodes) {
  AgentGroup group;
  group.image = image;
  group.evidence = std::move(evidence);
  std::tie(group.architecture, group.socket, group.containerd_root, group.config_path,
           group.refused_folder, group.pull_records) = place;
  for (const SiteNode* node : nodes) group.nodes.push_back(*node);
  return group;
}

// The nodes of one place, the best covering image first, until all are covered or nothing covers.
void GroupPlace(const Place& place, std::vector<const SiteNode*> left,
                const std::set<std::string>& guesses, const ImageBans& bans, Grouping& grouping) {
  while (!left.empty()) {
    const std::map<std::string, Candidate> candidates = Candidates(left, guesses, bans);
    const auto best =
        std::min_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
          return Rank(a.first, a.second) < Rank(b.first, b.second);
        });
    if (best == candidates.end()) break;
    const std::vector<const SiteNode*>& covered = best->second.nodes;
    grouping.groups.push_back(MakeGroup(best->first, Words(best->second.evidence), place, covered));
    std::erase_if(left, [&](const SiteNode* node) {
      return std::find(covered.begin(), covered.end(), node) != covered.end();
    });
  }
  for (const SiteNode* node : left) {
    grouping.without.push_back(
        {node->name,
         "no image is known on this node that an agent could be started from; name one that it "
         "holds with --borrow-image"});
  }
}

}  // namespace

Grouping ChooseGroups(const std::vector<SiteNode>& nodes, const GivenImage& given,
                      const ImageBans& bans) {
  std::map<Place, std::vector<const SiteNode*>> places;
  for (const SiteNode& node : nodes) places[PlaceOf(node)].push_back(&node);
  const std::set<std::string> guesses = SandboxGuesses(nodes);
  Grouping grouping;
  for (const auto& [place, members] : places) {
    if (given.name.empty()) {
      GroupPlace(place, members, guesses, bans, grouping);
    } else {
      const char* const flag = given.has_agent ? "given with --image" : "given with --borrow-image";
      grouping.groups.push_back(MakeGroup(given.name, flag, place, members));
      grouping.groups.back().has_agent = given.has_agent;
    }
  }
  std::stable_sort(
      grouping.groups.begin(), grouping.groups.end(),
      [](const AgentGroup& a, const AgentGroup& b) { return a.nodes.size() > b.nodes.size(); });
  return grouping;
}

void LeaveOutHeld(const std::set<std::string>& held, std::vector<SiteNode>& nodes) {
  const auto is_held = [&](const std::string& image) {
    const absl::StatusOr<Reference> name = Reference::Parse(image);
    return name.ok() && held.contains(name->str());
  };
  for (SiteNode& node : nodes) {
    SiteNode rest = node;
    std::erase_if(rest.daemonset_images, is_held);
    std::erase_if(rest.reported_images, is_held);
    if (is_held(rest.agent_image)) rest.agent_image.clear();
    const bool has_other = !rest.daemonset_images.empty() || !rest.reported_images.empty() ||
                           !rest.agent_image.empty();
    if (has_other) node = std::move(rest);
  }
}

bool IsNowhere(const std::vector<SiteNode>& nodes, const std::string& image) {
  const absl::StatusOr<Reference> wanted = Reference::Parse(image);
  if (!wanted.ok()) return true;
  return std::none_of(nodes.begin(), nodes.end(), [&](const SiteNode& node) {
    const std::set<std::string>& names = node.reported_images;
    return names.empty() || node.reports_in_part || names.contains(wanted->str()) ||
           node.daemonset_images.contains(image);
  });
}

}  // namespace lighter
