#include "coordinator/plan/admitted_names.h"

#include <algorithm>

#include "common/reference.h"

namespace lighter {
namespace {

// "nginx" and "docker.io/library/nginx:latest" are one name.
bool SameName(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const absl::StatusOr<Reference> first = Reference::Parse(a);
  const absl::StatusOr<Reference> second = Reference::Parse(b);
  return first.ok() && second.ok() && first->str() == second->str();
}

RenderedImage& FindOrAdd(std::vector<RenderedImage>& images, const std::string& name) {
  const auto it = std::find_if(images.begin(), images.end(),
                               [&](const RenderedImage& image) { return image.name == name; });
  return it != images.end() ? *it : images.emplace_back(RenderedImage{.name = name});
}

}  // namespace

std::vector<RewrittenName> ApplyAdmission(const std::vector<AdmittedImage>& admitted,
                                          std::vector<RenderedImage>& rendered) {
  std::vector<RewrittenName> rewritten;
  for (const AdmittedImage& image : admitted) {
    if (!image.asked.empty() && SameName(image.asked, image.admitted)) {
      FindOrAdd(rendered, image.asked).policies.insert(image.policy);
      continue;
    }
    RenderedImage& now = FindOrAdd(rendered, image.admitted);
    now.policies.insert(image.policy);
    ++now.uses;
    if (image.asked.empty()) continue;
    RenderedImage& before = FindOrAdd(rendered, image.asked);
    if (before.uses > 0) --before.uses;
    const bool is_known =
        std::any_of(rewritten.begin(), rewritten.end(), [&](const RewrittenName& name) {
          return name.rendered == image.asked && name.admitted == image.admitted;
        });
    if (!is_known) rewritten.push_back({.rendered = image.asked, .admitted = image.admitted});
  }
  std::erase_if(rendered, [](const RenderedImage& image) { return image.uses == 0; });
  return rewritten;
}

}  // namespace lighter
