// Names of a release's images: hints.yaml, the chart's own values, the merged values (JSON), the
// archive's images (one a line, its names apart by spaces, "-" for none), rendered manifests.
#include <map>
#include <set>

#include "absl/strings/str_split.h"
#include "common/json.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/naming/rendered_images.h"
#include "coordinator/naming/target_names.h"
#include "tests/fuzz/fuzz.h"

namespace lighter {
namespace {

// Lines that are equal are one image.
std::vector<ArchiveImage> Images(std::string_view text) {
  std::vector<ArchiveImage> images;
  for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n', absl::SkipEmpty())) {
    ArchiveImage image;
    if (line != "-") image.repo_tags = absl::StrSplit(line, ' ', absl::SkipEmpty());
    image.manifest_digest = Digest::Of(ToStd(line));
    images.push_back(std::move(image));
  }
  return images;
}

void CheckNames(const NamingInput& input, const NamingResult& names) {
  std::map<std::string, Digest> image_of;
  const TargetName* last = nullptr;
  for (const TargetName& target : names.targets) {
    REQUIRE(target.image < input.images.size());
    const auto reference = Reference::Parse(target.name);
    REQUIRE(reference.ok() && reference->str() == target.name);
    // One name never means two images.
    const Digest& digest = input.images[target.image].manifest_digest;
    REQUIRE(image_of.emplace(target.name, digest).first->second == digest);
    REQUIRE(last == nullptr ||
            std::pair(last->image, last->name) < std::pair(target.image, target.name));
    last = &target;
  }
  for (size_t i = 0; i < input.images.size(); ++i) {
    bool has_name = false;
    for (const std::string& tag : input.images[i].repo_tags) {
      has_name = has_name || Reference::Parse(tag).ok();
    }
    bool has_target = false;
    for (const TargetName& target : names.targets) has_target = has_target || target.image == i;
    REQUIRE(has_target || !has_name);
  }
  const std::set<std::string> rendered(input.rendered_names.begin(), input.rendered_names.end());
  for (const std::string& name : names.uncovered) REQUIRE(rendered.contains(name));
}

}  // namespace
}  // namespace lighter

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lighter;
  const auto [yaml, own, merged, images, manifests] = fuzz::Sections<5>(fuzz::AsText(data, size));
  const nlohmann::json none = nlohmann::json::object();
  NamingInput input;
  input.images = Images(images);
  input.hints = ParseHints(yaml, "hints.yaml").value_or(std::vector<Hint>());
  input.default_values = ParseJson(own, "own values").value_or(none);
  input.merged_values = ParseJson(merged, "merged values").value_or(none);
  for (const RenderedImage& image :
       RenderedImages(manifests).value_or(std::vector<RenderedImage>())) {
    input.rendered_names.push_back(image.name);
  }
  input.mentioned_names = MentionedNames(manifests);
  const auto names = DecideTargetNames(input);
  if (names.ok()) CheckNames(input, *names);
  return 0;
}
