// What Helm renders of a vendor's templates: a stream of YAML documents.
#include <set>

#include "common/reference.h"
#include "coordinator/naming/rendered_images.h"
#include "coordinator/naming/rendered_pods.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

// No image is forgotten: each is in a pod whose nodes are known, or goes everywhere.
void CheckPods(std::string_view manifests, const std::vector<RenderedImage>& images) {
  const auto found = FindRenderedPods(manifests, "ns");
  REQUIRE(found.ok());
  std::set<std::string> known = found->elsewhere;
  for (const RenderedPod& pod : found->pods) known.insert(pod.images.begin(), pod.images.end());
  for (const RenderedImage& image : images) {
    const auto name = Reference::Parse(image.name);
    REQUIRE(!name.ok() || known.contains(name->str()));
  }
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const std::string_view manifests = fuzz::AsText(data, size);
  std::set<std::string> seen;
  for (const std::string& name : MentionedNames(manifests)) {
    REQUIRE(manifests.find(name) != std::string_view::npos && seen.insert(name).second);
    REQUIRE(name.find_first_of(":@") != std::string::npos);
  }
  seen.clear();
  const auto images = RenderedImages(manifests);
  if (!images.ok()) return 0;
  for (const RenderedImage& image : *images) {
    REQUIRE(!image.name.empty() && !image.policies.empty() && seen.insert(image.name).second);
  }
  CheckPods(manifests, *images);
  // Another document changes nothing of what these say.
  const auto more = RenderedImages(std::string(manifests) + "\n---\nkind: Service\n");
  REQUIRE(more.ok() && more->size() == images->size());
  return 0;
}
