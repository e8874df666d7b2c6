#include "coordinator/verify/wanted_names.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/desired.h"
#include "common/printable.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"
#include "coordinator/plan/placement.h"

namespace lighter {
namespace {

using Images = google::protobuf::RepeatedPtrField<v1::DesiredImage>;

void AddImages(const Images& images, WantedNames& wanted) {
  for (const v1::DesiredImage& image : images) {
    for (const std::string& name : image.names()) wanted.uses.try_emplace(name);
  }
}

std::map<std::string, ListedSpared> FindSpared(const v1::Desired& list) {
  std::map<std::string, ListedSpared> found;
  for (const v1::DesiredRelease& entry : list.releases()) {
    for (const auto* images : {&entry.images(), &entry.previous_images()}) {
      for (const v1::DesiredImage& image : *images) {
        const v1::NodeSet* set = SparedNodes(list, image);
        std::set<std::string> nodes;
        if (set != nullptr) nodes.insert(set->nodes().begin(), set->nodes().end());
        for (const std::string& name : image.names()) {
          const auto [it, is_new] = found.try_emplace(name, ListedSpared{nodes, image.is_chosen()});
          if (is_new) continue;
          std::erase_if(it->second.nodes,
                        [&](const std::string& node) { return !nodes.contains(node); });
        }
      }
    }
  }
  std::erase_if(found, [](const auto& item) { return item.second.nodes.empty(); });
  return found;
}

}  // namespace

const v1::DesiredRelease* FindEntry(const v1::Desired& list, const Release& release,
                                    const std::string& chart) {
  const v1::DesiredRelease* alone = nullptr;
  for (const v1::DesiredRelease& entry : list.releases()) {
    if (entry.name() == EntryName(release.ns, release.name)) return &entry;
    if (entry.name() == chart) alone = &entry;
  }
  return alone;
}

absl::StatusOr<WantedNames> FindWantedNames(const Release& release, const StoredRevision& revision,
                                            const v1::Desired& list) {
  WantedNames wanted;
  ASSIGN_OR_RETURN(wanted.pods, FindRenderedPods(revision.manifests, release.ns));
  const std::map<std::string, const v1::DesiredImage*> held = HeldImages(list);
  ASSIGN_OR_RETURN(const std::vector<RenderedImage> rendered, RenderedImages(revision.manifests));
  for (const RenderedImage& image : rendered) {
    const absl::StatusOr<Reference> name = Reference::Parse(image.name);
    if (!name.ok()) {
      wanted.notes.push_back(
          absl::StrCat(OneLine(image.name), " is no image name: ", Message(name.status())));
      continue;
    }
    NameUse& use = wanted.uses[name->str()];
    use.is_asked_for = true;
    use.pods.policies.insert(image.policies.begin(), image.policies.end());
    use.pods.spellings.insert(image.name);
  }
  for (const std::string& text : MentionedNames(revision.manifests)) {
    const absl::StatusOr<Reference> name = Reference::Parse(text);
    if (name.ok() && held.contains(name->str())) wanted.uses[name->str()].is_asked_for = true;
  }
  if (const v1::DesiredRelease* entry = FindEntry(list, release, revision.chart)) {
    wanted.is_listed = true;
    if (entry->chart_version() == revision.version) AddImages(entry->images(), wanted);
    if (entry->previous_chart_version() == revision.version) {
      AddImages(entry->previous_images(), wanted);
    }
  }
  const std::set<std::string> served = HeldNames(list);
  for (auto& [name, use] : wanted.uses) {
    use.is_served = served.contains(name);
    if (const auto it = held.find(name); it != held.end()) wanted.held.emplace(name, *it->second);
  }
  for (auto& [name, spared] : FindSpared(list)) {
    if (wanted.uses.contains(name)) wanted.spared.emplace(name, std::move(spared));
  }
  return wanted;
}

void PlaceNames(const NodeSelection& nodes, WantedNames& wanted) {
  std::set<std::string> in_pods;
  for (const RenderedPod& pod : wanted.pods.pods) {
    in_pods.insert(pod.images.begin(), pod.images.end());
  }
  const Placement today = PlaceNamesAlone(in_pods, wanted.pods, nodes);
  for (auto& [name, use] : wanted.uses) {
    const auto listed = wanted.spared.find(name);
    const bool is_listed = listed != wanted.spared.end();
    if (is_listed && (listed->second.is_chosen || !in_pods.contains(name))) {
      use.spared = listed->second.nodes;
    } else if (const auto it = today.images.find(name); it != today.images.end()) {
      use.spared = it->second.spared;
    }
  }
}

}  // namespace lighter
