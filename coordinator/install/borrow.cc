#include "coordinator/install/borrow.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lighter {
namespace {

// KEP-2535: from this minor on kubelet asks for the credentials that an image was pulled with.
constexpr int kPullRecordsMinor = 35;

enum class Evidence { kAgent, kDaemonSet, kPause, kReported };

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

std::map<std::string, Candidate> Candidates(const std::vector<const SiteNode*>& nodes,
                                            const ImageBans& bans) {
  std::map<std::string, Candidate> candidates;
  for (const SiteNode* node : nodes) {
    const auto add = [&](const std::string& image, Evidence evidence) {
      if (bans.contains({image, node->name})) return;
      if (KeepsRecords(*node) && node->credential_images.contains(image)) return;
      Candidate& candidate = candidates[image];
      candidate.evidence = std::max(candidate.evidence, evidence);
      candidate.nodes.push_back(node);
    };
    if (!node->agent_image.empty()) add(node->agent_image, Evidence::kAgent);
    for (const std::string& image : node->daemonset_images) {
      if (image != node->agent_image) add(image, Evidence::kDaemonSet);
    }
    for (const std::string& image : node->reported_images) {
      if (image == node->agent_image || node->daemonset_images.contains(image)) continue;
      add(image, IsPause(image) ? Evidence::kPause : Evidence::kReported);
    }
  }
  return candidates;
}

// What must be equal within a group, the image aside.
using Place = std::tuple<std::string, std::string, std::string>;

Place PlaceOf(const SiteNode& node) {
  return {node.architecture, node.socket, node.containerd_root};
}

AgentGroup MakeGroup(const std::string& image, std::string evidence, const Place& place,
                     const std::vector<const SiteNode*>& nodes) {
  AgentGroup group;
  group.image = image;
  group.evidence = std::move(evidence);
  std::tie(group.architecture, group.socket, group.containerd_root) = place;
  for (const SiteNode* node : nodes) group.nodes.push_back(*node);
  return group;
}

// The nodes of one place, the best covering image first, until all are covered or nothing covers.
void GroupPlace(const Place& place, std::vector<const SiteNode*> left, const ImageBans& bans,
                Grouping& grouping) {
  while (!left.empty()) {
    const std::map<std::string, Candidate> candidates = Candidates(left, bans);
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

Grouping ChooseGroups(const std::vector<SiteNode>& nodes, const std::string& given,
                      const ImageBans& bans) {
  std::map<Place, std::vector<const SiteNode*>> places;
  for (const SiteNode& node : nodes) places[PlaceOf(node)].push_back(&node);
  Grouping grouping;
  for (const auto& [place, members] : places) {
    if (given.empty()) {
      GroupPlace(place, members, bans, grouping);
    } else {
      grouping.groups.push_back(MakeGroup(given, "given with --borrow-image", place, members));
    }
  }
  std::stable_sort(
      grouping.groups.begin(), grouping.groups.end(),
      [](const AgentGroup& a, const AgentGroup& b) { return a.nodes.size() > b.nodes.size(); });
  return grouping;
}

}  // namespace lighter
