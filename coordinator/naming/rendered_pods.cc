#include "coordinator/naming/rendered_pods.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/reference.h"
#include "common/status.h"
#include "coordinator/naming/manifest_documents.h"
#include "coordinator/naming/rendered_images.h"

namespace lighter {
namespace {

// The kinds of Kubernetes' own whose pods are made from one template as it stands.
struct Workload {
  const char* kind;
  const char* group;  // of apiVersion; "" is the core group
  std::vector<const char*> spec;
  bool has_replicas = false;
};

const Workload* FindWorkload(const std::string& api_version, const std::string& kind) {
  static const std::array<Workload, 8> workloads = {{
      {"Pod", "", {"spec"}},
      {"ReplicationController", "", {"spec", "template", "spec"}, true},
      {"Deployment", "apps", {"spec", "template", "spec"}, true},
      {"ReplicaSet", "apps", {"spec", "template", "spec"}, true},
      {"StatefulSet", "apps", {"spec", "template", "spec"}, true},
      {"DaemonSet", "apps", {"spec", "template", "spec"}},
      {"Job", "batch", {"spec", "template", "spec"}},
      {"CronJob", "batch", {"spec", "jobTemplate", "spec", "template", "spec"}},
  }};
  const size_t slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  const auto it = std::find_if(workloads.begin(), workloads.end(), [&](const Workload& known) {
    return known.kind == kind && known.group == group;
  });
  return it == workloads.end() ? nullptr : &*it;
}

YAML::Node At(YAML::Node node, const std::vector<const char*>& path) {
  for (const char* key : path) node.reset(Find(node, key));
  return node;
}

std::string Text(const YAML::Node& map, const char* key) {
  const YAML::Node value = Find(map, key);
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : "";
}

// The elements; none where it is no list.
std::vector<YAML::Node> ListAt(const YAML::Node& map, const char* key) {
  const YAML::Node list = Find(map, key);
  if (!list.IsDefined() || !list.IsSequence()) return {};
  return {list.begin(), list.end()};
}

std::vector<NodeRequirement> RequirementsOf(const YAML::Node& term, const char* key) {
  std::vector<NodeRequirement> requirements;
  for (const YAML::Node& item : ListAt(term, key)) {
    NodeRequirement& requirement = requirements.emplace_back();
    requirement.key = Text(item, "key");
    requirement.op = Text(item, "operator");
    for (const YAML::Node& value : ListAt(item, "values")) {
      if (value.IsScalar()) requirement.values.push_back(value.Scalar());
    }
  }
  return requirements;
}

std::optional<std::vector<NodeTerm>> AffinityOf(const YAML::Node& spec) {
  const YAML::Node required =
      At(spec, {"affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"});
  if (!required.IsDefined() || !required.IsMap()) return std::nullopt;
  std::vector<NodeTerm> terms;
  for (const YAML::Node& term : ListAt(required, "nodeSelectorTerms")) {
    terms.push_back({.labels = RequirementsOf(term, "matchExpressions"),
                     .fields = RequirementsOf(term, "matchFields")});
  }
  return terms;
}

// The API server's plugin ExtendedResourceToleration lets a pod that asks for such a resource
// tolerate the taint of its name: plugin/pkg/admission/extendedresourcetoleration.
void AddResourceTolerations(const YAML::Node& spec, std::vector<Toleration>& tolerations) {
  for (const char* list : {"containers", "initContainers"}) {
    for (const YAML::Node& container : ListAt(spec, list)) {
      for (const char* kind : {"requests", "limits"}) {
        const YAML::Node resources = At(container, {"resources", kind});
        if (!resources.IsDefined() || !resources.IsMap()) continue;
        for (const auto& resource : resources) {
          if (!resource.first.IsScalar()) continue;
          const std::string& name = resource.first.Scalar();
          if (absl::StrContains(name, '/')) tolerations.push_back({.key = name, .op = "Exists"});
        }
      }
    }
  }
}

PodConstraints ConstraintsOf(const YAML::Node& spec) {
  PodConstraints constraints;
  constraints.node_name = Text(spec, "nodeName");
  const YAML::Node selector = Find(spec, "nodeSelector");
  if (selector.IsDefined() && selector.IsMap()) {
    for (const auto& item : selector) {
      if (!item.first.IsScalar() || !item.second.IsScalar()) continue;
      constraints.node_selector[item.first.Scalar()] = item.second.Scalar();
    }
  }
  constraints.affinity = AffinityOf(spec);
  for (const YAML::Node& item : ListAt(spec, "tolerations")) {
    constraints.tolerations.push_back({.key = Text(item, "key"),
                                       .op = Text(item, "operator"),
                                       .value = Text(item, "value"),
                                       .effect = Text(item, "effect")});
  }
  AddResourceTolerations(spec, constraints.tolerations);
  const std::string scheduler = Text(spec, "schedulerName");
  constraints.tolerates_all = !Text(spec, "runtimeClassName").empty() ||
                              (!scheduler.empty() && scheduler != "default-scheduler");
  return constraints;
}

// By Helm 3 and 4: hooks of an upgrade or installation are waited for, of others what has pods
// that must become ready.
bool IsAwaited(const Workload& workload, const YAML::Node& object) {
  const std::string hook = Text(At(object, {"metadata", "annotations"}), "helm.sh/hook");
  if (!hook.empty()) {
    return absl::StrContains(hook, "-upgrade") || absl::StrContains(hook, "-install");
  }
  if (std::string_view(workload.kind) == "Pod") return true;
  return workload.has_replicas && Text(Find(object, "spec"), "replicas") != "0";
}

// Every text in the tree but the names of images where a pod spec has them: `image` of a container
// and `reference` of an image volume, and no other field of these objects is called so. The trees
// have passed RenderedImages, which bounds their size and depth.
void AddOtherTexts(const YAML::Node& node, std::string& texts) {
  if (node.IsScalar()) absl::StrAppend(&texts, node.Scalar(), "\n");
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) AddOtherTexts(item, texts);
  }
  if (!node.IsMap()) return;
  for (const auto& item : node) {
    const bool is_image = item.first.IsScalar() && item.second.IsScalar() &&
                          (item.first.Scalar() == "image" || item.first.Scalar() == "reference");
    if (!is_image) AddOtherTexts(item.second, texts);
  }
}

void AddNames(const std::vector<std::string>& names, std::set<std::string>& out) {
  for (const std::string& text : names) {
    const absl::StatusOr<Reference> name = Reference::Parse(text);
    if (name.ok()) out.insert(name->str());
  }
}

absl::StatusOr<std::vector<std::string>> ImagesIn(std::string_view document) {
  ASSIGN_OR_RETURN(const std::vector<RenderedImage> images, RenderedImages(document));
  std::vector<std::string> names;
  names.reserve(images.size());
  for (const RenderedImage& image : images) names.push_back(image.name);
  return names;
}

// An object with pods of Kubernetes' own kinds; false where it is none.
bool AddPod(const YAML::Node& object, const std::vector<std::string>& images, const std::string& ns,
            RenderedPods& found) {
  const Workload* workload = FindWorkload(Text(object, "apiVersion"), Text(object, "kind"));
  if (workload == nullptr) return false;
  const YAML::Node metadata = Find(object, "metadata");
  const std::string own_ns = Text(metadata, "namespace");
  RenderedPod& pod = found.pods.emplace_back();
  pod.workload = absl::StrCat(workload->kind, " ", own_ns.empty() ? ns : own_ns,
                              own_ns.empty() && ns.empty() ? "" : "/", Text(metadata, "name"));
  AddNames(images, pod.images);
  pod.constraints = ConstraintsOf(At(object, workload->spec));
  pod.is_awaited = IsAwaited(*workload, object);
  std::string texts;
  AddOtherTexts(object, texts);
  AddNames(MentionedNames(texts), found.elsewhere);
  return true;
}

absl::Status AddDocument(std::string_view document, const std::string& ns, RenderedPods& found) {
  ASSIGN_OR_RETURN(const std::vector<std::string> images, ImagesIn(document));
  try {
    if (!images.empty() && AddPod(YAML::Load(std::string(document)), images, ns, found)) {
      return absl::OkStatus();
    }
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("a rendered object: ", e.what()));
  }
  AddNames(images, found.elsewhere);
  AddNames(MentionedNames(document), found.elsewhere);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RenderedPods> FindRenderedPods(std::string_view manifests, const std::string& ns) {
  RETURN_IF_ERROR(RenderedImages(manifests).status());  // its caps are of the whole stream
  RenderedPods found;
  for (const std::string_view document : SplitDocuments(manifests)) {
    RETURN_IF_ERROR(AddDocument(document, ns, found));
  }
  return found;
}

}  // namespace lighter
