#include "agent/registry/desired_names.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/reference.h"
#include "common/status.h"

namespace lighter {
namespace {

// Where docker.io really is; containerd says one or the other, by its version and configuration.
constexpr std::string_view kDockerHost = "registry-1.docker.io";

// One name for the node's own loopback, so that localhost:7444 finds 127.0.0.1:7444.
std::string Normalised(std::string_view registry) {
  if (registry == kDockerHost) return "docker.io";
  const size_t colon = registry.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && registry.find(']', colon) == std::string_view::npos;
  const std::string_view host = has_port ? registry.substr(0, colon) : registry;
  if (host != "127.0.0.1" && host != "[::1]" && host != "localhost") return std::string(registry);
  return absl::StrCat("localhost", has_port ? ToAbsl(registry.substr(colon)) : "");
}

std::string Key(const Reference& reference) {
  return absl::StrCat(Normalised(reference.registry), "/", reference.repository);
}

}  // namespace

DesiredNames::DesiredNames(std::shared_ptr<const v1::Desired> list) : list_(std::move(list)) {
  if (list_ == nullptr) return;
  std::vector<const v1::DesiredRelease*> newest_first;
  for (const v1::DesiredRelease& release : list_->releases()) newest_first.push_back(&release);
  std::stable_sort(newest_first.begin(), newest_first.end(), [](const auto* a, const auto* b) {
    return a->loaded_unix_seconds() > b->loaded_unix_seconds();
  });
  for (const v1::DesiredRelease* const release : newest_first) {
    for (const v1::DesiredImage& image : release->images()) Add(image);
  }
  for (const v1::DesiredRelease* const release : newest_first) {
    for (const v1::DesiredImage& image : release->previous_images()) Add(image);
  }
}

void DesiredNames::Add(const v1::DesiredImage& image) {
  const absl::StatusOr<Digest> digest = Digest::Parse(image.manifest_digest());
  if (!digest.ok()) return;
  for (const std::string& name : image.names()) {
    const absl::StatusOr<Reference> reference = Reference::Parse(name);
    if (!reference.ok()) continue;
    Repository& repository = repositories_[Key(*reference)];
    if (!reference->tag.empty()) repository.tags.emplace(reference->tag, &image);
    repository.manifests.emplace(*digest, &image);
  }
}

const DesiredNames::Repository* DesiredNames::Find(std::string_view registry,
                                                   std::string_view repository) const {
  const std::string host = Normalised(registry);
  // A tag or a digest within the repository's name would be parsed as one.
  if (repository.find_first_of(":@") != std::string_view::npos) return nullptr;
  const absl::StatusOr<Reference> reference =
      Reference::Parse(absl::StrCat(host, "/", ToAbsl(repository)));
  // "docker.io/foo" is no registry, and "foo" alone would be a repository of docker.io.
  if (!reference.ok() || (reference->registry != host && host != "index.docker.io")) return nullptr;
  const auto found = repositories_.find(Key(*reference));
  return found == repositories_.end() ? nullptr : &found->second;
}

}  // namespace lighter
