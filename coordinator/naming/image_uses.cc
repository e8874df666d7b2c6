#include "coordinator/naming/image_uses.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "coordinator/naming/manifest_documents.h"
#include "coordinator/naming/rendered_images.h"

namespace lighter {
namespace {

// Workloads that an autoscaler of the same manifests scales: "Deployment web".
using Scaled = std::set<std::string>;

std::string Text(const YAML::Node& map, const char* key) {
  const YAML::Node value = Find(map, key);
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

bool Contains(std::string_view text, std::string_view part) {
  return absl::StrContains(ToAbsl(text), ToAbsl(part));
}

// Null where it is no YAML.
YAML::Node Load(std::string_view document) {
  try {
    return YAML::Load(std::string(document));
  } catch (const YAML::Exception&) {
    return {};
  }
}

std::string ObjectName(const YAML::Node& object) {
  return absl::StrCat(Text(object, "kind"), " ", Text(Find(object, "metadata"), "name"));
}

// "pre-upgrade", "test", ...; empty where the object is no hook.
std::vector<std::string> HookEvents(const YAML::Node& object) {
  const std::string text = Text(Find(Find(object, "metadata"), "annotations"), "helm.sh/hook");
  std::vector<std::string> events = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (std::string& event : events) event = std::string(absl::StripAsciiWhitespace(event));
  return events;
}

// "test", and Helm 2's "test-success" and "test-failure".
bool IsTest(const std::vector<std::string>& events) {
  return !events.empty() && std::all_of(events.begin(), events.end(), [](const std::string& event) {
    return absl::StartsWith(event, "test");
  });
}

ImageUser HookUser(const std::vector<std::string>& events, bool is_new) {
  const auto has = [&events](const std::string& end) {
    return std::any_of(events.begin(), events.end(), [&end](const std::string& event) {
      return event == "pre-" + end || event == "post-" + end;
    });
  };
  const std::string hook = "a hook (" + absl::StrJoin(events, ", ") + ")";
  if (has(is_new ? "install" : "upgrade")) return {ImageUse::kRuns, "", "starts it as " + hook};
  const bool is_past = !is_new && !has("rollback") && !has("delete") && has("install");
  if (is_past) return {ImageUse::kIdle, "", "is " + hook + ", which an upgrade does not run"};
  return {ImageUse::kLater, "", "starts it as " + hook};
}

ImageUser UserOf(const YAML::Node& object, const Scaled& scaled, bool is_new) {
  const std::vector<std::string> events = HookEvents(object);
  if (IsTest(events)) return {ImageUse::kTest, "", "starts it in `helm test` alone"};
  if (!events.empty()) return HookUser(events, is_new);
  const std::string kind = Text(object, "kind");
  const YAML::Node spec = Find(object, "spec");
  const bool can_rest = kind == "CronJob" || kind == "Job";
  if (can_rest && Text(spec, "suspend") == "true") return {ImageUse::kIdle, "", "is suspended"};
  if (kind == "CronJob") return {ImageUse::kLater, "", "starts it by its schedule"};
  if (Text(spec, "replicas") != "0") return {ImageUse::kRuns, "", "starts it"};
  if (scaled.contains(ObjectName(object))) {
    return {ImageUse::kLater, "", "has no replicas until its autoscaler gives it some"};
  }
  return {ImageUse::kIdle, "", "has no replicas"};
}

// The objects of a document: itself, or those of a List.
std::vector<YAML::Node> ObjectsOf(const YAML::Node& document) {
  const YAML::Node items = Find(document, "items");
  const bool is_list =
      absl::EndsWith(Text(document, "kind"), "List") && items.IsDefined() && items.IsSequence();
  if (!is_list) return {document};
  return {items.begin(), items.end()};
}

Scaled FindScaled(const std::vector<std::string_view>& documents) {
  Scaled scaled;
  for (const std::string_view document : documents) {
    if (!Contains(document, "scaleTargetRef")) continue;
    for (const YAML::Node& object : ObjectsOf(Load(document))) {
      const YAML::Node target = Find(Find(object, "spec"), "scaleTargetRef");
      const std::string kind = Text(target, "kind");  // KEDA's default is Deployment
      scaled.insert(absl::StrCat(kind.empty() ? "Deployment" : kind, " ", Text(target, "name")));
    }
  }
  return scaled;
}

// The names in the object's own `image` fields.
std::set<std::string> ImagesOf(const YAML::Node& object) {
  std::set<std::string> names;
  const auto images = RenderedImages(YAML::Dump(object));
  if (!images.ok()) return names;
  for (const RenderedImage& image : *images) names.insert(image.name);
  return names;
}

}  // namespace

SplitManifests SplitTests(std::string_view manifests) {
  SplitManifests split;
  for (const std::string_view document : SplitDocuments(manifests)) {
    const bool is_test = Contains(document, "helm.sh/hook") && IsTest(HookEvents(Load(document)));
    absl::StrAppend(is_test ? &split.tests : &split.applied, ToAbsl(document));
  }
  return split;
}

std::map<std::string, ImageUser> FindImageUsers(std::string_view manifests,
                                                const std::vector<std::string>& names,
                                                bool is_new) {
  std::map<std::string, ImageUser> users;
  if (names.empty()) return users;
  const std::vector<std::string_view> documents = SplitDocuments(manifests);
  const Scaled scaled = FindScaled(documents);
  for (const std::string_view document : documents) {
    const bool has_any = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return Contains(document, name);
    });
    if (!has_any) continue;
    for (const YAML::Node& object : ObjectsOf(Load(document))) {
      ImageUser user = UserOf(object, scaled, is_new);
      user.object = ObjectName(object);
      const std::set<std::string> images = ImagesOf(object);
      for (const std::string& name : names) {
        if (!images.contains(name)) continue;
        const auto [it, is_first] = users.try_emplace(name, user);
        if (!is_first && user.use < it->second.use) it->second = user;
      }
    }
  }
  return users;
}

}  // namespace lighter
