#include "coordinator/verify/wanted_names.h"

#include "absl/strings/str_cat.h"
#include "common/printable.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/desired/desired_map.h"
#include "coordinator/desired/merge.h"

namespace lighter {
namespace {

using Images = google::protobuf::RepeatedPtrField<v1::DesiredImage>;

void AddImages(const Images& images, WantedNames& wanted) {
  for (const v1::DesiredImage& image : images) {
    for (const std::string& name : image.names()) wanted.uses.try_emplace(name);
  }
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
  return wanted;
}

}  // namespace lighter
