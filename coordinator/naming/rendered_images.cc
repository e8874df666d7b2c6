#include "coordinator/naming/rendered_images.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/limits.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/naming/manifest_documents.h"

namespace lighter {
namespace {

// Helm keeps a release's manifests in a Secret of 1 MiB, compressed; this is far above any that
// works.
constexpr size_t kMaxManifestsBytes = 256 * kMiB;
// Aliases let a small document stand for a huge tree. Spelled out, each node takes a byte at least;
// aliases may add this many in the whole stream.
constexpr size_t kMaxAliased = 500'000;
constexpr int kMaxDepth = 100;

constexpr std::array<std::string_view, 3> kContainerLists = {"containers", "initContainers",
                                                             "ephemeralContainers"};

// Names in order of appearance, each once.
class Collection {
 public:
  void Add(const std::string& name, PullPolicy policy) {
    const auto [it, is_new] = index_.emplace(name, images_.size());
    if (is_new) images_.push_back({.name = name, .policies = {}, .uses = 0});
    images_[it->second].policies.insert(policy);
    ++images_[it->second].uses;
  }
  std::vector<RenderedImage> Take() { return std::move(images_); }

 private:
  std::vector<RenderedImage> images_;
  std::unordered_map<std::string, size_t> index_;
};

// Walks the documents' trees, collecting names.
class Walker {
 public:
  // Of all trees together at most `max_nodes` are visited.
  Walker(size_t max_nodes, Collection& names) : max_nodes_(max_nodes), names_(names) {}

  absl::Status Walk(const YAML::Node& node, int depth);

 private:
  // `list` stands under `key` in some mapping.
  void CollectFrom(const std::string& key, const YAML::Node& list);
  // `image` names it, `holder` has its pull policy under that key.
  void Add(const YAML::Node& image, const YAML::Node& holder, const char* policy_key);

  const size_t max_nodes_;
  Collection& names_;
  size_t nodes_ = 0;
};

void Walker::Add(const YAML::Node& image, const YAML::Node& holder, const char* policy_key) {
  if (!image.IsDefined() || !image.IsScalar() || image.Scalar().empty()) return;
  const YAML::Node policy = Find(holder, policy_key);
  const bool is_spelled = policy.IsDefined() && policy.IsScalar();
  names_.Add(image.Scalar(), PullPolicyOf(is_spelled ? policy.Scalar() : "", image.Scalar()));
}

// Lists of containers, and volumes that are images (Kubernetes 1.31 and later).
void Walker::CollectFrom(const std::string& key, const YAML::Node& list) {
  if (std::find(kContainerLists.begin(), kContainerLists.end(), key) != kContainerLists.end()) {
    for (const YAML::Node& container : list) {
      Add(Find(container, "image"), container, "imagePullPolicy");
    }
  }
  if (key != "volumes") return;
  for (const YAML::Node& volume : list) {
    const YAML::Node image = Find(volume, "image");
    if (image.IsDefined()) Add(Find(image, "reference"), image, "pullPolicy");
  }
}

absl::Status Walker::Walk(const YAML::Node& node, int depth) {
  if (++nodes_ > max_nodes_ || depth > kMaxDepth) {
    return absl::ResourceExhaustedError(
        "the rendered objects are nested too deeply or stand for too many values");
  }
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) RETURN_IF_ERROR(Walk(item, depth + 1));
  }
  if (node.IsMap()) {
    for (const auto& item : node) {
      if (item.first.IsScalar() && item.second.IsSequence()) {
        CollectFrom(item.first.Scalar(), item.second);
      }
      RETURN_IF_ERROR(Walk(item.second, depth + 1));
    }
  }
  return absl::OkStatus();
}

absl::Status AddImages(std::string_view document, Walker& walker) {
  // Most documents (services, CRDs, secrets) need no tree.
  if (!absl::StrContains(ToAbsl(document), "ontainers") &&
      !absl::StrContains(ToAbsl(document), "volumes")) {
    return absl::OkStatus();
  }
  try {
    return walker.Walk(YAML::Load(std::string(document)), 0);
  } catch (const YAML::Exception& e) {
    // Helm writes "# Source: chart/templates/x.yaml" first.
    const size_t source = document.find("# Source:");
    const std::string_view where =
        source == std::string_view::npos
            ? "a rendered object"
            : document.substr(source, document.find('\n', source) - source);
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(where), ": ", e.what()));
  }
}

bool IsNameChar(char c) {
  return absl::ascii_isalnum(c) || std::string_view("._-:/@[]").find(c) != std::string_view::npos;
}

// The name in a run of name characters: without "docker://" before and punctuation around it. Empty
// where it has neither tag nor digest, or is too long to be one.
std::string_view NameIn(std::string_view run) {
  constexpr size_t kMaxLength = 1024;
  if (const size_t scheme = run.rfind("://"); scheme != std::string_view::npos) {
    run.remove_prefix(scheme + 3);
  }
  while (!run.empty() && !absl::ascii_isalnum(run.front()) && run.front() != '[') {
    run.remove_prefix(1);
  }
  while (!run.empty() && !absl::ascii_isalnum(run.back())) run.remove_suffix(1);
  const size_t path = run.rfind('/');
  const size_t version = run.find_first_of(":@", path == std::string_view::npos ? 0 : path);
  return version == std::string_view::npos || run.size() > kMaxLength ? std::string_view() : run;
}

}  // namespace

PullPolicy PullPolicyOf(const std::string& spelled, const std::string& image) {
  if (spelled == "Never") return PullPolicy::kNever;
  if (spelled == "IfNotPresent") return PullPolicy::kIfNotPresent;
  if (spelled == "Always") return PullPolicy::kAlways;
  const absl::StatusOr<Reference> reference = Reference::Parse(image);
  const bool is_latest = (reference.ok() && reference->tag == "latest") ||
                         absl::StrContains(image, ":latest@");  // a Reference drops that tag
  return is_latest ? PullPolicy::kAlways : PullPolicy::kIfNotPresent;
}

std::vector<std::string> MentionedNames(std::string_view manifests) {
  constexpr size_t kMaxNames = 100'000;
  std::unordered_set<std::string_view> seen;
  std::vector<std::string> names;
  for (size_t i = 0; i < manifests.size() && names.size() < kMaxNames;) {
    size_t end = i;
    while (end < manifests.size() && IsNameChar(manifests[end])) ++end;
    const std::string_view name = NameIn(manifests.substr(i, end - i));
    if (!name.empty() && seen.insert(name).second) names.emplace_back(name);
    i = end + 1;
  }
  return names;
}

absl::StatusOr<std::vector<RenderedImage>> RenderedImages(std::string_view manifests) {
  if (manifests.size() > kMaxManifestsBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("rendered manifests of ", manifests.size(), " bytes"));
  }
  Collection names;
  Walker walker(kMaxAliased + manifests.size(), names);
  for (const std::string_view document : SplitDocuments(manifests)) {
    RETURN_IF_ERROR(AddImages(document, walker));
  }
  return names.Take();
}

}  // namespace lighter
